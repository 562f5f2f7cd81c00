"""Telling Temporal of campaigns in the background; what fails is left to the relay."""

from domain.campaigns.records import Campaign
from domain.ports.campaign_runtime import CampaignGateway
from domain.ports.storage import UnitOfWork
from runtime.starter import BackgroundStarter


class BackgroundCampaigns:
    """Implements `CampaignStarter`."""

    def __init__(
        self, starter: BackgroundStarter, gateway: CampaignGateway, uow: UnitOfWork
    ) -> None:
        self._starter = starter
        self._gateway = gateway
        self._uow = uow

    def tell(self, campaign: Campaign) -> None:
        async def call() -> None:
            await self._gateway.tell(campaign)
            async with self._uow() as tx:
                await tx.campaigns.mark_told(campaign.id, campaign.updated_at)

        self._starter.put(call)
