"""Planning many notifications: their facts in a few queries, their plans in one statement."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from domain.enums import Category, Channel
from domain.facts import Usage
from domain.ports.planning import PlanDraft, PlanningSnapshot
from domain.records.notifications import Notification
from storage.bulk.batches import THE_BATCHS
from storage.engine import Connection
from storage.planning import (
    LOAD,
    MOVING_OPEN_LINES,
    TAKING_OVER,
    event_json,
    line_json,
    snapshot_of,
)

# Of claims on one row only one can be in the statement, so callers send none twice.
_CLAIM: Final = f"""
    with asked as (
        select * from unnest($1::text[], $2::text[], $3::uuid[], $4::timestamptz[])
            as a(user_id, content_hash, id, at)
    ), claimed as (
        insert into dedup_claims as held (user_id, content_hash, notification_id, claimed_at)
        select user_id, content_hash, id, at from asked order by user_id, content_hash
        {TAKING_OVER}
        returning notification_id
    )
    select id, user_id, content_hash from asked
    where id not in (select notification_id from claimed)
"""
_HOLDERS: Final = """
    select a.id, held.notification_id
    from unnest($1::text[], $2::text[], $3::uuid[]) as a(user_id, content_hash, id)
    join dedup_claims held using (user_id, content_hash)
"""
_SAVE: Final = f"""
    with draft as (
        select * from jsonb_to_recordset($1) as d(id uuid, revision int, redrives int,
            status text, reason text, until timestamptz, at timestamptz, trigger text,
            outcome text, plan jsonb, lines jsonb, events jsonb)
    ), mine as (
        select n.id from notifications n join draft d on d.id = n.id
        where n.revision = d.revision and n.redrives = d.redrives
            and n.cancel_requested_at is null and n.{THE_BATCHS.replace(" and ", " and n.")}
        order by n.id for update of n
    ), moved as (
        update notifications n set status = d.status, reason = d.reason, until = d.until,
            start_claimed_at = null, updated_at = now()
        from draft d join mine on mine.id = d.id where n.id = d.id
        returning n.id
    ), plan as (
        insert into notification_plans (notification_id, at, trigger, outcome, plan)
        select d.id, d.at, d.trigger, d.outcome, d.plan from draft d join moved using (id)
    ), line as (
        insert into notification_deliveries (id, notification_id, channel, target, status, reason,
            until, created_at, updated_at)
        select l.id, d.id, l.channel, l.target, l.status, l.reason, l.until, now(), now()
        from draft d join moved using (id), jsonb_to_recordset(d.lines) as l(id uuid, channel text,
            target text, status text, reason text, until timestamptz)
        {MOVING_OPEN_LINES}
    ), event as (
        insert into event_log (type, user_id, notification_id, channel, detail, at)
        select e.type, e.user_id, d.id, e.channel, e.detail, e.at
        from draft d join moved using (id), jsonb_to_recordset(d.events) as e(type text,
            user_id text, channel text, detail jsonb, at timestamptz)
    )
    select id from moved
"""


class SqlBulkPlanning:
    """Implements `BulkPlanningRepository`."""

    def __init__(self, connection: Connection) -> None:
        self._db = connection

    async def load(self, notification_ids: Sequence[UUID]) -> tuple[PlanningSnapshot, ...]:
        rows = await self._db.fetch(
            f"{LOAD} where n.id = any($1::uuid[]) and n.status = 'accepted'"
            " and n.start_claimed_at = 'infinity' and n.cancel_requested_at is null"
            " order by n.id",
            list(notification_ids),
        )
        return tuple(snapshot_of(row) for row in rows)

    async def claim_contents(
        self, notifications: Sequence[Notification], window: timedelta
    ) -> Mapping[UUID, UUID]:
        rows = await self._db.fetch(
            _CLAIM,
            [item.user_id for item in notifications],
            [item.content_hash for item in notifications],
            [item.id for item in notifications],
            [item.created_at for item in notifications],
            window,
        )
        if not rows:
            return {}
        holders = await self._db.fetch(
            _HOLDERS,
            [row["user_id"] for row in rows],
            [row["content_hash"] for row in rows],
            [row["id"] for row in rows],
        )
        return {row["id"]: row["notification_id"] for row in holders}

    async def lock_usage(self, user_ids: Collection[str]) -> None:
        await self._db.execute(
            "select pg_advisory_xact_lock(hashtextextended(user_id, 7))"
            " from unnest($1::text[]) as user_id",
            sorted(user_ids),
        )

    async def usage(self, user_ids: Collection[str], since: datetime) -> Mapping[str, list[Usage]]:
        rows = await self._db.fetch(
            "select user_id, notification_id, category, channel, at from frequency_usage"
            " where user_id = any($1::text[]) and at > $2"
            " union all select r.user_id, r.campaign_id, m.category, r.channel, r.sent_at"
            " from campaign_recipients r join campaigns m on m.id = r.campaign_id"
            " where r.user_id = any($1::text[]) and r.sent_at > $2 and r.status = 'sent'"
            " and r.notification_id is null order by at",
            list(user_ids),
            since,
        )
        usage: dict[str, list[Usage]] = {user_id: [] for user_id in user_ids}
        for row in rows:
            known = (Category(row["category"]), Channel(row["channel"]), row["at"])
            usage[row["user_id"]].append(Usage(row["notification_id"], *known))
        return usage

    async def reserve_usage(self, usage: Sequence[tuple[str, Usage]]) -> None:
        await self._db.execute(
            "insert into frequency_usage (user_id, notification_id, channel, category, at)"
            " select * from unnest($1::text[], $2::uuid[], $3::text[], $4::text[],"
            " $5::timestamptz[]) on conflict do nothing",
            [user_id for user_id, _ in usage],
            [one.notification_id for _, one in usage],
            [one.channel for _, one in usage],
            [one.category for _, one in usage],
            [one.at for _, one in usage],
        )

    async def save(self, drafts: Sequence[PlanDraft]) -> frozenset[UUID]:
        rows = await self._db.fetch(_SAVE, [_draft_json(draft) for draft in drafts])
        return frozenset(row["id"] for row in rows)


def _draft_json(draft: PlanDraft) -> dict[str, Any]:
    return {
        "id": draft.notification.id,
        "revision": draft.notification.revision,
        "redrives": draft.notification.redrives,
        "status": draft.status,
        "reason": draft.reason,
        "until": draft.until,
        "at": draft.at,
        "trigger": draft.trigger,
        "outcome": draft.plan.outcome,
        "plan": draft.plan.model_dump(mode="json", by_alias=True),
        "lines": [line_json(line) for line in draft.deliveries],
        "events": [event_json(event) for event in draft.events],
    }
