"""Telling Temporal how a campaign stands. Any number may tell of one at the same time."""

from uuid import UUID

from domain.ports.campaign_runtime import CampaignGateway
from domain.ports.storage import UnitOfWork


class CampaignTelling:
    def __init__(self, uow: UnitOfWork, gateway: CampaignGateway) -> None:
        self._uow = uow
        self._gateway = gateway

    async def tell(self, campaign_id: UUID) -> None:
        """Until what was told last is how it stands, so that one who was overtaken leaves nothing
        old behind. Raises `Unavailable`."""
        told = None
        while True:
            async with self._uow() as tx:
                if told is not None:
                    await tx.campaigns.mark_told(campaign_id, told)
                campaign = await tx.campaigns.get(campaign_id)
            if campaign is None or campaign.updated_at == told:
                return
            await self._gateway.tell(campaign)
            told = campaign.updated_at
