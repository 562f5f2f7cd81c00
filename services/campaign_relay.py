"""The relay of campaigns: a change that could not be told to Temporal is told later."""

from datetime import timedelta

from domain.ports.campaign_runtime import CampaignGateway
from domain.ports.runtime import Clock
from domain.ports.storage import UnitOfWork

GRACE = timedelta(seconds=3)
CLAIM = timedelta(seconds=60)
BATCH = 20


class CampaignRelay:
    def __init__(self, uow: UnitOfWork, gateway: CampaignGateway, clock: Clock) -> None:
        self._uow = uow
        self._gateway = gateway
        self._clock = clock

    async def run_once(self) -> int:
        """How many it told of. Raises `Unavailable` while Temporal is away."""
        now = self._clock()
        async with self._uow() as tx:
            campaigns = await tx.campaigns.claim_untold(
                older_than=now - GRACE, again_before=now - CLAIM, limit=BATCH
            )
        for campaign in campaigns:
            await self._gateway.tell(campaign)
            async with self._uow() as tx:
                await tx.campaigns.mark_told(campaign.id, campaign.updated_at)
        return len(campaigns)
