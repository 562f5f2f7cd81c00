"""Telling Temporal of campaigns in the background; what fails is left to the relay."""

from domain.campaigns.records import Campaign
from domain.ports.campaign_runtime import CampaignGateway
from domain.ports.storage import UnitOfWork
from runtime.starter import BackgroundStarter
from services.campaigns.telling import CampaignTelling


class BackgroundCampaigns:
    """Implements `CampaignStarter`."""

    def __init__(
        self, starter: BackgroundStarter, gateway: CampaignGateway, uow: UnitOfWork
    ) -> None:
        self._starter = starter
        self._telling = CampaignTelling(uow, gateway)

    def tell(self, campaign: Campaign) -> None:
        async def call() -> None:
            await self._telling.tell(campaign.id)

        self._starter.put(call)
