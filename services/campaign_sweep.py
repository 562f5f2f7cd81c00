"""What is left of a cancelled campaign: closed once nothing of it is with a provider any more.

Whoever cancels does it before answering; the campaign's workflow does it again, for the case that
they died in between.
"""

import asyncio
from datetime import timedelta
from typing import Final
from uuid import UUID

from domain.ports.runtime import Clock
from domain.ports.storage import UnitOfWork
from services.cancel import CancelService

CALL_MARGIN: Final = timedelta(seconds=5)
"""From a call's intent to its recorded result, beyond what the provider may take."""
_STEP: Final = 0.05


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

    async def close(self, campaign_id: UUID) -> None:
        """Of a cancelled campaign. Again and again it is the same."""
        await self.landed(campaign_id)
        async with self._uow() as tx:
            await tx.campaigns.give_up_batches(campaign_id, self._clock())
            await tx.campaigns.close_pending(campaign_id, "cancelled")
            open_notifications = await tx.campaigns.open_notifications(campaign_id)
        for notification_id in open_notifications:
            await self._cancelling.cancel(notification_id)
