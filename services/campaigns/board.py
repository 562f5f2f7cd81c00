"""The accounts of the newest campaigns as a page shows them, however many look and how often.

Counting a million recipients whose messages are notifications takes the database a second and more,
so what was counted is shown for ten times as long as that took.
"""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final
from uuid import UUID

from cachetools import LRUCache

from domain.campaigns.records import Campaign
from domain.paging import PageRequest
from services.campaigns.service import CampaignService, CampaignView

LEAST: Final = 1.0
"""Seconds that accounts are shown at least."""
SHARE: Final = 10
AFTER_THE_END: Final = 60.0
"""Seconds, of a campaign that is over: only opens and the like are still heard."""
_KEPT: Final = 200


@dataclass(frozen=True, slots=True)
class _Counted:
    view: CampaignView
    until: float


class CampaignBoard:
    def __init__(
        self, campaigns: CampaignService, tick: Callable[[], float] = time.monotonic
    ) -> None:
        self._campaigns = campaigns
        self._tick = tick
        self._counted: LRUCache[UUID, _Counted] = LRUCache(_KEPT)
        self._one_at_a_time = asyncio.Lock()

    async def newest(self, limit: int) -> tuple[CampaignView, ...]:
        """Each as it stands, with accounts that are a moment old."""
        found = await self._campaigns.list(PageRequest(limit), None)
        async with self._one_at_a_time:
            return tuple([await self._view(campaign) for campaign in found.items])

    async def _view(self, campaign: Campaign) -> CampaignView:
        held, began = self._counted.get(campaign.id), self._tick()
        if held and began < held.until and held.view.campaign.updated_at == campaign.updated_at:
            return replace(held.view, campaign=campaign)
        view = await self._campaigns.accounts(campaign.id)
        now = self._tick()
        rest = AFTER_THE_END if campaign.status.is_over else max(LEAST, SHARE * (now - began))
        self._counted[campaign.id] = _Counted(view, now + rest)
        return view
