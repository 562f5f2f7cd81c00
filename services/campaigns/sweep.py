"""What is left of a cancelled campaign: closed once nothing of it is with a provider any more.

Whoever cancels does it before answering, as far as that takes seconds; the campaign's workflow does
it again, for the rest, and for the case that they died in between.
"""

import asyncio
from datetime import timedelta
from time import monotonic
from typing import Final
from uuid import UUID

from domain.ports.runtime import Clock
from domain.ports.storage import UnitOfWork
from services.notifications.cancel import CancelService

CALL_MARGIN: Final = timedelta(seconds=5)
"""From a call's intent to its recorded result, beyond what the provider may take."""
_STEP: Final = 0.05
_AT_ONCE: Final = 5_000
"""Recipients a transaction closes."""


class CampaignSweep:
    def __init__(
        self,
        uow: UnitOfWork,
        cancelling: CancelService,
        clock: Clock,
        patience: timedelta,
    ) -> None:
        """`patience`: after an intent, how long its call may still be running."""
        self._uow = uow
        self._cancelling = cancelling
        self._clock = clock
        self._patience = patience

    async def landed(self, campaign_id: UUID) -> None:
        """Until no provider call is running, a few seconds at most: what a process that died left
        behind runs no more."""
        while True:
            async with self._uow() as tx:
                since = self._clock() - self._patience
                if not await tx.campaigns.in_flight(campaign_id, since):
                    return
            await asyncio.sleep(_STEP)

    async def close(self, campaign_id: UUID, within: timedelta | None = None) -> None:
        """Of a cancelled campaign. Again and again it is the same, and after `within` it stops:
        somebody else is to go on. The accounts of emails are as they stay by then."""
        await self.landed(campaign_id)
        until = None if within is None else monotonic() + within.total_seconds()
        async with self._uow() as tx:
            await tx.campaigns.give_up_batches(campaign_id, self._clock())
            campaign = await tx.campaigns.get(campaign_id)
        recipients = campaign.recipients or 0 if campaign else 0
        for low in range(0, recipients, _AT_ONCE):
            if _is_over(until):
                return
            async with self._uow() as tx:
                high = low + _AT_ONCE - 1
                await tx.campaigns.close_range(campaign_id, low, high, self._clock())
        async with self._uow() as tx:
            tried = await tx.campaigns.open_notifications(campaign_id)
        for notification_id in tried:
            if _is_over(until):
                return
            await self._cancelling.cancel(notification_id)


def _is_over(until: float | None) -> bool:
    return until is not None and monotonic() >= until
