"""The relay of campaigns: a change that could not be told to Temporal is told later."""

import logging
from datetime import timedelta

from domain.errors import Unavailable
from domain.ports.campaign_runtime import CampaignGateway
from domain.ports.runtime import Clock
from domain.ports.storage import UnitOfWork
from services.campaigns.telling import CampaignTelling

GRACE = timedelta(seconds=3)
CLAIM = timedelta(seconds=60)
BATCH = 20

log = logging.getLogger(__name__)


class CampaignRelay:
    def __init__(self, uow: UnitOfWork, gateway: CampaignGateway, clock: Clock) -> None:
        self._uow = uow
        self._telling = CampaignTelling(uow, gateway)
        self._clock = clock

    async def run_once(self) -> int:
        """How many it told of; one that cannot be told keeps no other waiting. Raises
        `Unavailable` while Temporal is away."""
        told = 0
        now = self._clock()
        async with self._uow() as tx:
            campaigns = await tx.campaigns.claim_untold(
                older_than=now - GRACE, again_before=now - CLAIM, limit=BATCH
            )
        for campaign in campaigns:
            try:
                await self._telling.tell(campaign.id)
                told += 1
            except Unavailable:
                raise
            except Exception:
                log.exception("campaign_relay.failed", extra={"campaign_id": str(campaign.id)})
        return told
