"""Campaigns that were over long ago: their accounts stay, their recipients do not.

First the accounts are summed up, in a transaction of its own, and are answered from there from then
on; then the lines go, some thousands at a time, with the calls and message ids that belong to them.
Whoever dies on the way leaves the rest to the next run, and two at once do no harm.
"""

from datetime import datetime, timedelta
from typing import Final

from domain.campaigns.records import Campaign
from domain.ports.runtime import Clock
from domain.ports.storage import UnitOfWork

AT_ONCE: Final = 5_000
"""Lines a transaction deletes."""
A_RUN: Final = 5_000_000
"""Lines after which no more are begun; what is left waits for the next night."""


class CampaignRetention:
    def __init__(
        self,
        uow: UnitOfWork,
        kept_for: timedelta,
        clock: Clock,
        *,
        at_once: int = AT_ONCE,
        a_run: int = A_RUN,
    ) -> None:
        """`kept_for`: since the campaign was over; longer than any limit looks back, as those
        count a campaign's lines."""
        self._uow = uow
        self._kept_for = kept_for
        self._clock = clock
        self._at_once = at_once
        self._a_run = a_run

    async def forget(self) -> int:
        """How many lines were deleted."""
        before, deleted = self._clock() - self._kept_for, 0
        while deleted < self._a_run:
            campaign = await self._summed_up(before)
            if campaign is None:
                break
            deleted += await self._emptied(campaign, self._a_run - deleted)
        return deleted

    async def _summed_up(self, before: datetime) -> Campaign | None:
        """The next one with lines to delete, its accounts kept."""
        async with self._uow() as tx:
            campaign_id = await tx.campaigns.next_to_forget(before)
            campaign = await tx.campaigns.lock(campaign_id) if campaign_id else None
            if campaign is not None:
                counts = await tx.campaigns.counts(campaign)
                await tx.campaigns.sum_up(campaign.id, counts, self._clock())
        return campaign

    async def _emptied(self, campaign: Campaign, most: int) -> int:
        deleted = 0
        for low in range(0, campaign.recipients or 0, self._at_once):
            if deleted >= most:
                return deleted
            async with self._uow() as tx:
                high = low + self._at_once - 1
                deleted += await tx.campaigns.forget_range(campaign.id, low, high)
        async with self._uow() as tx:
            await tx.campaigns.mark_emptied(campaign.id, self._clock())
        return deleted
