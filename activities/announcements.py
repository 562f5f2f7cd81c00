"""The steps of an announcement's life; each may be repeated at any point.

A row advanced twice is the same row, and whoever was sent the announcement is not sent it again.
"""

from uuid import UUID

from temporalio import activity

from activities.errors import application_errors
from activities.heartbeat import heartbeating
from domain.announcements.messages import AdvanceInput, AnnouncementInput, AnnouncementStep
from domain.ports.announcements import AnnouncementSender
from services.announcements.service import AnnouncementService


class AnnouncementActivities:
    def __init__(self, announcements: AnnouncementService, sender: AnnouncementSender) -> None:
        self._announcements = announcements
        self._sender = sender

    @activity.defn(name="advance_announcement")
    async def advance_announcement(self, command: AdvanceInput) -> AnnouncementStep:
        """Writes down what is due. Fails for good only when there is no such announcement."""
        with application_errors():
            return await self._announcements.advance(command)

    @activity.defn(name="send_announcement")
    async def send_announcement(self, command: AnnouncementInput) -> UUID | None:
        """The campaign that sends it."""
        with heartbeating(), application_errors():
            return await self._sender.send(command.announcement_id)

    @activity.defn(name="recall_announcement")
    async def recall_announcement(self, command: AnnouncementInput) -> int:
        """Messages that were cancelled."""
        with heartbeating(), application_errors():
            return await self._sender.recall(command.announcement_id)
