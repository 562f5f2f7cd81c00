"""What crosses between the announcement's workflow and its activities: ids and instants only."""

from datetime import datetime
from uuid import UUID

from domain.announcements.shapes import AnnouncementStatus
from domain.messages import Message


class AnnouncementInput(Message):
    announcement_id: UUID


class AdvanceInput(Message):
    announcement_id: UUID
    now: datetime
    """The workflow's own clock."""


class AnnouncementStep(Message):
    """Where the announcement stands, and what is next."""

    status: AnnouncementStatus
    wait_until: datetime | None = None
    """None: only an edit can change anything."""
    send: bool = False
    """Other channels are still to be sent."""
    recall: bool = False
    """It is over: what other channels have not sent yet is to be cancelled."""
    summary: str = ""
    """One readable sentence for the Web UI, without the announcement's words."""


class AnnouncementOutcome(Message):
    status: AnnouncementStatus
