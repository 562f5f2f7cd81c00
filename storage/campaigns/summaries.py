"""What stays of a campaign whose recipients are no longer kept, and their deletion."""

from datetime import datetime
from typing import Any, Final
from uuid import UUID

from pydantic import TypeAdapter

from domain.campaigns.records import OVER, Campaign, CampaignCounts
from storage.engine import Connection

_COUNTS: Final = TypeAdapter(CampaignCounts)
_NEXT: Final = """
    select c.id from campaigns c left join campaign_summaries s on s.campaign_id = c.id
    where c.status = any($2::text[]) and c.recipients is not null and s.emptied_at is null
        and coalesce(c.completed_at, c.updated_at) < $1
    order by coalesce(c.completed_at, c.updated_at), c.id limit 1
"""
_FORGET: Final = """
    with line as (
        delete from campaign_recipients where campaign_id = $1 and ordinal between $2 and $3
        returning provider_message_id
    ), message as (
        delete from campaign_messages m using line l
        where m.provider_message_id = l.provider_message_id
    ), call as (
        delete from campaign_batches where campaign_id = $1 and chunk between $2 and $3
    )
    select count(*) from line
"""


class SqlCampaignSummaries:
    """A part of `CampaignRepository`: the accounts that outlive the recipients."""

    _db: Connection

    async def next_to_forget(self, before: datetime) -> UUID | None:
        found: UUID | None = await self._db.fetchval(_NEXT, before, sorted(OVER))
        return found

    async def sum_up(self, campaign_id: UUID, counts: CampaignCounts, at: datetime) -> None:
        await self._db.execute(
            "insert into campaign_summaries (campaign_id, counts, made_at) values ($1, $2, $3)"
            " on conflict do nothing",
            campaign_id,
            counts_json(counts),
            at,
        )

    async def forget_range(self, campaign_id: UUID, low: int, high: int) -> int:
        deleted: int = await self._db.fetchval(_FORGET, campaign_id, low, high, timeout=60)
        return deleted

    async def mark_emptied(self, campaign_id: UUID, at: datetime) -> None:
        for table in ("campaign_days", "campaign_tallies"):
            await self._db.execute(f"delete from {table} where campaign_id = $1", campaign_id)
        await self._db.execute(
            "update campaign_summaries set emptied_at = $2 where campaign_id = $1", campaign_id, at
        )

    async def keeps_recipients(self, campaign: Campaign) -> bool:
        return await self._summed_up(campaign) is None

    async def _summed_up(self, campaign: Campaign) -> CampaignCounts | None:
        if not campaign.status.is_over:
            return None
        found = await self._db.fetchval(
            "select counts from campaign_summaries where campaign_id = $1", campaign.id
        )
        return counts_from(found) if found is not None else None


def counts_json(counts: CampaignCounts) -> dict[str, Any]:
    found: dict[str, Any] = _COUNTS.dump_python(counts, mode="json")
    return found


def counts_from(stored: dict[str, Any]) -> CampaignCounts:
    return _COUNTS.validate_python(stored)
