"""An announcement on the channels besides the inbox: a campaign to the announcement's audience.

The campaign's id follows from the announcement's, and it is started in the transaction that finds
the announcement shown. So there is never a second one, nor one of an announcement that was over.
"""

from dataclasses import replace
from uuid import UUID

from domain.announcements.shapes import (
    ANNOUNCEMENT_TYPE,
    Announcement,
    AnnouncementStatus,
    campaign_id_for,
    status_at,
)
from domain.campaigns.shapes import NewCampaign
from domain.errors import Conflict, NotFound
from domain.ports.runtime import Clock
from domain.ports.storage import UnitOfWork
from services.campaigns.service import CampaignService


class CampaignSender:
    """Implements `AnnouncementSender`."""

    def __init__(self, uow: UnitOfWork, campaigns: CampaignService, clock: Clock) -> None:
        self._uow = uow
        self._campaigns = campaigns
        self._clock = clock

    async def send(self, announcement_id: UUID) -> UUID | None:
        now = self._clock()
        async with self._uow() as tx:
            item = await tx.announcements.lock(announcement_id)
            if item is None or not item.other_channels:
                return None
            if item.sent_at is not None or status_at(item, now) is not AnnouncementStatus.ACTIVE:
                return item.campaign_id
            campaign = await self._campaigns.start(
                tx,
                campaign_id_for(item.id),
                _campaign(item),
                priority=item.priority,
                actor=f"announcement:{item.id}",
            )
            await tx.announcements.save(replace(item, sent_at=now))
        self._campaigns.tell(campaign)
        return campaign.id

    async def recall(self, announcement_id: UUID) -> int:
        """Messages that were cancelled by now; of many thousand, the campaign cancels the rest."""
        async with self._uow() as tx:
            item = await tx.announcements.get(announcement_id)
        if item is None or not status_at(item, self._clock()).is_final:
            return 0
        actor = f"announcement:{item.id}"
        try:
            view = await self._campaigns.cancel(campaign_id_for(item.id), actor)
        except NotFound:
            return 0
        except Conflict:  # all of it has left
            return 0
        return view.counts.skipped.get("cancelled", 0)


def _campaign(item: Announcement) -> NewCampaign:
    return NewCampaign(
        name=item.title,
        type=ANNOUNCEMENT_TYPE,
        title=item.title,
        content=item.content,
        data=dict(item.data),
        channels=item.other_channels,
        audience=item.audience,
    )
