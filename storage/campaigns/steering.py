"""Who may change a campaign, who may send of it, and how much of its day is left."""

from datetime import datetime
from typing import Final
from uuid import UUID

from storage.engine import Connection

_GATE: Final = -1
_FREEZING: Final = -2
"""Beside a campaign's chunks, which are named by their first ordinal."""
_LOCK: Final = "select pg_advisory_xact_lock(hashtextextended($1::text, $2::bigint))"
_SHARED: Final = "select pg_advisory_xact_lock_shared(hashtextextended($1::text, $2::bigint))"
_WAKE: Final = """
    insert into workflow_signals (id, notification_id, redrives, kind, created_at)
    select gen_random_uuid(), n.id, n.redrives, 'resumed', $2
    from campaign_recipients r join notifications n on n.id = r.notification_id
    where r.campaign_id = $1 and n.status in ('scheduled', 'processing')
        and exists (select from notification_deliveries d where d.notification_id = n.id
            and d.status = 'deferred' and d.reason = 'campaign_paused')
"""
_DAY: Final = """
    insert into campaign_days as d (campaign_id, day, messages)
    select $1, $2, (select count(*) from campaign_recipients
            where campaign_id = $1 and sent_at >= $3)
        + (select coalesce(sum(cardinality(ordinals)), 0) from campaign_batches
            where campaign_id = $1 and status = 'open')
    where not exists (select from campaign_days where campaign_id = $1 and day = $2)
    on conflict do nothing
"""
"""What left before anybody counted: the campaign had no warm-up then."""


class SqlCampaignSteering:
    """A part of `CampaignRepository`: its locks, and the counts of its days."""

    _db: Connection

    async def lock_chunk(self, campaign_id: UUID, chunk: int) -> None:
        await self._db.execute(_LOCK, str(campaign_id), chunk)

    async def lock_freeze(self, campaign_id: UUID) -> None:
        await self._db.execute(_LOCK, str(campaign_id), _FREEZING)

    async def _close_gate(self, campaign_id: UUID) -> None:
        await self._db.execute(_LOCK, str(campaign_id), _GATE)

    async def _pass_gate(self, campaign_id: UUID) -> None:
        """With any number of others; but who is about to close it goes first, which no lock on
        the row would grant."""
        await self._db.execute(_SHARED, str(campaign_id), _GATE)

    async def wake_held(self, campaign_id: UUID, at: datetime) -> None:
        await self._db.execute(_WAKE, campaign_id, at, timeout=60)

    async def take_share(
        self, campaign_id: UUID, day: int, began: datetime, most: int, wanted: int
    ) -> int:
        await self._db.execute(_DAY, campaign_id, day, began, timeout=120)
        gone: int = await self._db.fetchval(
            "select messages from campaign_days where campaign_id = $1 and day = $2 for update",
            campaign_id,
            day,
        )
        granted = min(max(most - gone, 0), wanted)
        await self._add_to_day(campaign_id, day, granted)
        return granted

    async def _add_to_day(self, campaign_id: UUID, day: int, messages: int) -> None:
        await self._db.execute(
            "update campaign_days set messages = messages + $3 where campaign_id = $1 and day = $2",
            campaign_id,
            day,
            messages,
        )
