"""The services around announcements, and what they tell."""

from datetime import timedelta
from typing import Any
from uuid import UUID

from domain.announcements.shapes import Announcement, NewAnnouncement, campaign_id_for
from domain.campaigns.messages import FreezeInput
from domain.campaigns.records import Campaign, CampaignStatus
from services.announcements.sender import CampaignSender
from services.announcements.service import AnnouncementService
from services.campaigns.checks import CampaignChecks
from services.campaigns.run import CampaignRunService
from services.campaigns.service import CampaignService
from services.campaigns.sweep import CampaignSweep
from services.catalogue.reading import Catalogue
from services.notifications.template_choice import TemplateChooser
from templates.adapter import Templates
from tests.integration.conftest import Core, now


class Bus:
    """Stands where Valkey is: what every process is told."""

    def __init__(self) -> None:
        self.told: list[int] = []

    async def publish(self, user_id: str, frame: object) -> int:
        raise AssertionError("no user is told by name")

    async def broadcast(self, frame: Any) -> int:
        self.told.append(frame["seq"])
        return 1


class Forgetful:
    """A process that dies before it tells the workflow."""

    def tell_announcement(self, announcement_id: UUID) -> None:
        return None


class Rails:
    """Notes of which campaigns Temporal would hear."""

    def __init__(self) -> None:
        self.told: list[tuple[UUID, CampaignStatus]] = []

    def tell(self, campaign: Campaign) -> None:
        self.told.append((campaign.id, campaign.status))


class Office:
    """The services around announcements, and what they told."""

    def __init__(self, core: Core) -> None:
        self.uow = core.uow
        self.bus = Bus()
        self.rails = Rails()
        self.service = AnnouncementService(core.uow, self.bus, Forgetful(), now)
        renderer, catalogue = Templates(), Catalogue(core.uow)
        checks = CampaignChecks(catalogue, TemplateChooser(catalogue, renderer), renderer)
        sweep = CampaignSweep(core.uow, core.cancelling, now, timedelta(seconds=1))
        self.campaigns = CampaignService(core.uow, checks, self.rails, sweep, now)
        self.running = CampaignRunService(core.uow, checks, sweep, now)
        self.sender = CampaignSender(core.uow, self.campaigns, now)

    async def make(self, **fields: Any) -> Announcement:
        body = {"title": "T", "content": "C"} | fields
        return await self.service.create(NewAnnouncement.model_validate(body), "test")

    async def campaign(self, item: Announcement) -> Campaign | None:
        async with self.uow() as tx:
            return await tx.campaigns.get(campaign_id_for(item.id))

    async def freeze(self, item: Announcement) -> int:
        command = FreezeInput(campaign_id=campaign_id_for(item.id), now=now())
        return (await self.running.freeze(command)).recipients
