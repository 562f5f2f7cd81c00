"""What is left of a cancelled campaign, closed a range of recipients at a time."""

from datetime import datetime
from typing import Final
from uuid import UUID

from storage.engine import Connection

_CLOSE: Final = """
    update campaign_recipients r set status = 'skipped', reason = 'cancelled'
    where campaign_id = $1 and ordinal between $2 and $3 and status = 'pending'
        and notification_id is null
        and not exists (select from campaign_batches b where b.campaign_id = $1
            and b.status = 'open' and r.ordinal = any(b.ordinals))
"""
_CANCEL: Final = """
    with untried as (
        select n.id, n.user_id, n.redrives
        from campaign_recipients r join notifications n on n.id = r.notification_id
        where r.campaign_id = $1 and r.ordinal between $2 and $3
            and n.status in ('accepted', 'scheduled', 'processing') and n.first_intent_at is null
        order by n.id for update of n
    ), line as (
        update notification_deliveries d set status = 'cancelled', reason = 'cancelled_by_caller',
            until = null, updated_at = now()
        from untried n where d.notification_id = n.id and d.status in ('pending', 'deferred')
    ), used as (
        delete from frequency_usage f using untried n where f.notification_id = n.id
    ), texted as (
        delete from sms_number_usage s using untried n where s.notification_id = n.id
    ), told as (
        insert into workflow_signals (id, notification_id, redrives, kind, created_at)
        select gen_random_uuid(), id, redrives, 'cancel', $4 from untried
    ), event as (
        insert into event_log (type, user_id, notification_id, detail, at)
        select 'notification.cancelled', user_id, id, '{"outcome": "cancelled"}'::jsonb, $4
        from untried
    )
    update notifications n set status = 'cancelled', reason = 'cancelled_by_caller', until = null,
        cancel_requested_at = $4, updated_at = now()
    from untried where n.id = untried.id
"""
"""As `CancelService` does it for one. An intent marks its notification before its lines, so one
that comes first is seen here, and one that comes later is refused."""


class SqlCampaignEnding:
    """A part of `CampaignRepository`: the end of a cancelled one."""

    _db: Connection

    async def give_up_batches(self, campaign_id: UUID, at: datetime) -> int:
        done: str = await self._db.execute(
            "with closed as (update campaign_batches set status = 'done', done_at = $2"
            " where campaign_id = $1 and status = 'open' returning ordinals)"
            " update campaign_recipients r set status = 'failed', reason = 'outcome_unknown'"
            " from (select unnest(ordinals) as ordinal from closed) c"
            " where r.campaign_id = $1 and r.ordinal = c.ordinal and r.status = 'pending'",
            campaign_id,
            at,
        )
        return int(done.rpartition(" ")[2])

    async def close_range(self, campaign_id: UUID, low: int, high: int, at: datetime) -> None:
        await self._db.execute(_CLOSE, campaign_id, low, high, timeout=60)
        await self._db.execute(_CANCEL, campaign_id, low, high, at, timeout=60)

    async def open_notifications(self, campaign_id: UUID) -> tuple[UUID, ...]:
        rows = await self._db.fetch(
            "select r.notification_id as id from campaign_recipients r"
            " join notifications n on n.id = r.notification_id where r.campaign_id = $1"
            " and n.status in ('accepted', 'scheduled', 'processing')",
            campaign_id,
            timeout=60,
        )
        return tuple(row["id"] for row in rows)
