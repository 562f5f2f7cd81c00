"""What a plan reads, in one query, and what it writes, in one statement."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from domain.enums import Category, Channel, ConsentType
from domain.facts import Reach, Usage
from domain.ports.planning import PlanDraft, PlannedDelivery, PlanningSnapshot
from domain.records.events import Event
from domain.records.notifications import Notification
from storage.engine import Connection
from storage.rows import (
    LINES,
    NOTIFICATION_COLUMNS,
    OF_A_PAUSED_CAMPAIGN,
    PREFERENCE_COLUMNS,
    TYPE_COLUMNS,
    lines_of,
    notification_of,
    preferences_of,
    qualified,
    type_of,
)

LOAD = f"""
    select {qualified(NOTIFICATION_COLUMNS, "n")}, {LINES} as lines,
        {qualified(TYPE_COLUMNS, "t")},
        {qualified(PREFERENCE_COLUMNS, "p")}, p.timezone as preferred_timezone,
        u.timezone as user_timezone, u.country as user_country, u.phone_country, u.phone_hash,
        u.email is not null as has_email, u.phone is not null as has_phone,
        (select jsonb_object_agg(c.type, c.granted) from consents c
          where c.user_id = n.user_id) as consents,
        (select s.channels from subscriptions s
          where s.user_id = n.user_id and s.type = n.type) as subscription,
        (select array_agg(d.id order by d.id) from user_devices d
          where d.user_id = n.user_id) as devices,
        (select jsonb_object_agg(s.channel, jsonb_build_array(s.reason, s.hits)) from (
            select s.channel, min(s.reason) as reason, count(*) as hits from suppressions s
            where (s.expires_at is null or s.expires_at > now())
              and ((s.channel = 'email' and s.address_hash = u.email_hash)
                or (s.channel = 'sms' and s.address_hash = u.phone_hash)
                or (s.channel = 'push' and s.address_hash in (
                    select d.token_hash from user_devices d where d.user_id = n.user_id)))
            group by s.channel) s) as suppressed,
        (select array_agg(name) from (select name from paused_parts where not divert
            union all select 'campaign' where {OF_A_PAUSED_CAMPAIGN}) parts) as paused,
        (select i.ends_at from digest_items i where i.notification_id = n.id) as gathered_until
    from notifications n
    join users u on u.id = n.user_id
    join notification_types t on t.type = n.type
    left join user_notification_preferences p on p.user_id = n.user_id
"""
"""All that a plan reads, of notifications `n`; for `snapshot_of`."""
MOVING_OPEN_LINES = """
    on conflict (notification_id, channel, target) do update
    set status = excluded.status, reason = excluded.reason, until = excluded.until,
        updated_at = now()
    where notification_deliveries.status in ('pending', 'deferred', 'skipped')
"""
"""Ends the insert of a plan's ledger lines."""
TAKING_OVER = """
    on conflict (user_id, content_hash) do update
    set notification_id = excluded.notification_id, claimed_at = excluded.claimed_at
    where held.notification_id = excluded.notification_id
        or held.claimed_at < excluded.claimed_at - $5::interval
        or exists (select 1 from notifications n where n.id = held.notification_id
            and n.status in ('cancelled', 'skipped', 'failed', 'expired'))
"""
"""Ends the insert of a claim on a content: its holder keeps it for the window `$5`, unless it is
the same notification, or came to nothing."""
_SAVE = f"""
    with moved as (
        update notifications set status = $2, reason = $3, until = $4, updated_at = now()
        where id = $1 and revision = $5 and status = $6 and redrives = $7
          and cancel_requested_at is null
        returning id
    ), plan as (
        insert into notification_plans (notification_id, at, trigger, outcome, plan)
        select id, $8, $9, $10, $11 from moved
    ), line as (
        insert into notification_deliveries (id, notification_id, channel, target, status, reason,
            until, created_at, updated_at)
        select l.id, m.id, l.channel, l.target, l.status, l.reason, l.until, now(), now()
        from moved m, jsonb_to_recordset($12) as l(id uuid, channel text, target text,
            status text, reason text, until timestamptz)
        {MOVING_OPEN_LINES}
    ), event as (
        insert into event_log (type, user_id, notification_id, channel, detail, at)
        select e.type, e.user_id, m.id, e.channel, e.detail, e.at
        from moved m, jsonb_to_recordset($13) as e(type text, user_id text, channel text,
            detail jsonb, at timestamptz)
    )
    select count(*) from moved
"""


class SqlPlanning:
    def __init__(self, connection: Connection) -> None:
        self._db = connection

    async def load(self, notification_id: UUID) -> PlanningSnapshot | None:
        row = await self._db.fetchrow(f"{LOAD} where n.id = $1", notification_id)
        return snapshot_of(row) if row else None

    async def claim_content(self, notification: Notification, window: timedelta) -> UUID | None:
        owner = (notification.user_id, notification.content_hash)
        held = await self._db.fetchval(
            "insert into dedup_claims as held (user_id, content_hash, notification_id, claimed_at)"
            f" values ($1, $2, $3, $4) {TAKING_OVER} returning notification_id",
            *owner,
            notification.id,
            notification.created_at,
            window,
        )
        if held is not None:
            return None
        holder: UUID = await self._db.fetchval(
            "select notification_id from dedup_claims where user_id = $1 and content_hash = $2",
            *owner,
        )
        return holder

    async def lock_usage(self, user_id: str) -> None:
        await self._db.execute("select pg_advisory_xact_lock(hashtextextended($1, 7))", user_id)

    async def usage(self, user_id: str, since: datetime, without: UUID) -> tuple[Usage, ...]:
        rows = await self._db.fetch(
            "select notification_id, category, channel, at from frequency_usage"
            " where user_id = $1 and at > $2 and notification_id <> $3"
            " union all select r.campaign_id, m.category, r.channel, r.sent_at"
            " from campaign_recipients r join campaigns m on m.id = r.campaign_id"
            " where r.user_id = $1 and r.sent_at > $2 and r.status = 'sent'"
            " and r.notification_id is null order by at",
            user_id,
            since,
            without,
        )
        return tuple(
            Usage(
                row["notification_id"],
                Category(row["category"]),
                Channel(row["channel"]),
                row["at"],
            )
            for row in rows
        )

    async def reserve_usage(self, user_id: str, usage: Sequence[Usage]) -> None:
        if not usage:
            return
        await self._db.execute(
            "insert into frequency_usage (user_id, notification_id, channel, category, at)"
            " select $1, $2, channel, $3, $4 from unnest($5::text[]) as channel"
            " on conflict do nothing",
            user_id,
            usage[0].notification_id,
            usage[0].category,
            usage[0].at,
            [item.channel for item in usage],
        )

    async def release_usage(self, notification_id: UUID, channels: Sequence[Channel]) -> None:
        await self._db.execute(
            "delete from frequency_usage where notification_id = $1 and channel = any($2::text[])",
            notification_id,
            list(channels),
        )
        if Channel.SMS in channels:
            await self._db.execute(
                "delete from sms_number_usage where notification_id = $1", notification_id
            )

    async def save(self, draft: PlanDraft) -> bool:
        before = draft.notification
        moved: int = await self._db.fetchval(
            _SAVE,
            before.id,
            draft.status,
            draft.reason,
            draft.until,
            before.revision,
            before.status,
            before.redrives,
            draft.at,
            draft.trigger,
            draft.plan.outcome,
            draft.plan.model_dump(mode="json", by_alias=True),
            [line_json(line) for line in draft.deliveries],
            [event_json(event) for event in draft.events],
        )
        return moved == 1


def snapshot_of(row: Any) -> PlanningSnapshot:
    devices = tuple(row["devices"] or ())
    return PlanningSnapshot(
        notification=notification_of(row),
        deliveries=lines_of(row["lines"]),
        type=type_of(row),
        preferences=preferences_of(row["user_id"], row, row["preferred_timezone"]),
        user_timezone=row["user_timezone"],
        user_country=row["user_country"],
        consents={ConsentType(k): v for k, v in (row["consents"] or {}).items()},
        subscription=_channels(row["subscription"]),
        reach=_reach(row, len(devices)),
        phone_hash=row["phone_hash"],
        device_ids=devices,
        paused=frozenset(row["paused"] or ()),
        gathered_until=row["gathered_until"],
    )


def line_json(line: PlannedDelivery) -> dict[str, Any]:
    return {
        "id": str(line.id),
        "channel": line.channel,
        "target": line.target,
        "status": line.status,
        "reason": line.reason,
        "until": line.until,
    }


def event_json(event: Event) -> dict[str, Any]:
    return {
        "type": event.type,
        "user_id": event.user_id,
        "channel": event.channel,
        "detail": dict(event.detail),
        "at": event.at,
    }


def _channels(names: Sequence[str] | None) -> frozenset[Channel] | None:
    return None if names is None else frozenset(Channel(name) for name in names)


def _reach(row: Any, devices: int) -> dict[Channel, Reach]:
    suppressed: dict[str, list[Any]] = row["suppressed"] or {}

    def of(channel: Channel, targets: int, country: str | None = None) -> Reach:
        reason, hits = suppressed.get(channel, [None, 0])
        return Reach(targets, min(int(hits), targets), reason, country)

    return {
        Channel.EMAIL: of(Channel.EMAIL, int(row["has_email"])),
        Channel.SMS: of(
            Channel.SMS, int(row["has_phone"]), row["phone_country"] or row["user_country"]
        ),
        Channel.PUSH: of(Channel.PUSH, devices),
        Channel.WEBSOCKET: Reach(1),
    }
