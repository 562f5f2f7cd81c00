"""Announcements as the services see them: stored, addressed, sent, and told to Temporal."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Protocol
from uuid import UUID

from domain.announcements.shapes import (
    Announcement,
    AnnouncementStatus,
    InboxAnnouncement,
    Standing,
)
from domain.paging import Page, PageRequest
from domain.records.inbox import InboxChange


class AudienceMembership(Protocol):
    """Who an announcement concerns, asked anew each time: a user who comes to belong to its
    audience sees it from then on."""

    async def concerning(self, user_id: str, announcement_ids: Sequence[UUID]) -> frozenset[UUID]:
        """Does this user belong? Those of the announcements whose audience the user is in."""

    async def members(self, announcement_id: UUID, user_ids: Collection[str]) -> frozenset[str]:
        """Which of these users belong?"""


class AnnouncementRepository(Protocol):
    async def insert(self, item: Announcement) -> None: ...

    async def get(self, announcement_id: UUID) -> Announcement | None: ...

    async def lock(self, announcement_id: UUID) -> Announcement | None:
        """The row, locked until the transaction ends."""

    async def save(self, item: Announcement) -> None:
        """Call with the row locked."""

    async def next_version(self) -> int:
        """The next place among all changes. Whoever asks next waits until this transaction has
        ended, so that a change is never seen before an earlier one."""

    async def last_version(self) -> int: ...

    async def list(
        self, status: AnnouncementStatus | None, now: datetime, page: PageRequest
    ) -> Page[Announcement]:
        """Newest first; by the status that holds `now`."""

    async def many(self, ids: Sequence[UUID]) -> tuple[Announcement, ...]: ...

    async def standing(self, user_id: str, now: datetime) -> tuple[Standing, ...]:
        """All that are shown `now`, whoever they are for, by falling (start, id), without those
        the user dismissed; none to a user who opted out of them."""

    async def since(self, version: int, limit: int) -> tuple[Announcement, ...]:
        """Those changed after that place, in the order of their changes."""

    async def news(self, user_id: str, version: int) -> tuple[InboxAnnouncement, ...]:
        """`since`, for one user: without those the user dismissed, and those that came and went
        meanwhile."""

    async def refusing(self, user_ids: Collection[str]) -> frozenset[str]:
        """Those of these users who opted out of announcements in the inbox."""

    async def mark_read(self, user_id: str, ids: Sequence[UUID], at: datetime) -> tuple[UUID, ...]:
        """The ids that were unread until now; nothing for a user who is not there."""

    async def dismiss(self, user_id: str, announcement_id: UUID, at: datetime) -> bool:
        """False when the user is not there or had dismissed it before."""

    async def changed_since(
        self, user_ids: Collection[str], since: datetime
    ) -> tuple[InboxChange, ...]:
        """What these users read or dismissed at `since` or later."""

    async def claim_untold(
        self, *, older_than: datetime, again_before: datetime, limit: int
    ) -> tuple[UUID, ...]:
        """Announcements whose workflow has been owed word, or whose start or end has been due,
        since before `older_than`; marks them claimed. SKIP LOCKED: any number of relays."""


class AnnouncementSender(Protocol):
    """Sends an announcement on the channels besides the inbox. Both calls may be repeated at any
    point: whoever was sent it is not sent it again."""

    async def send(self, announcement_id: UUID) -> UUID | None:
        """Starts the campaign that reaches everybody in the audience, unless it was started
        before. None when the announcement is over or has no other channels."""

    async def recall(self, announcement_id: UUID) -> int:
        """Cancels what of one that is over has not left yet. Returns how many messages."""


class AnnouncementStarter(Protocol):
    def tell_announcement(self, announcement_id: UUID) -> None:
        """In the background: the workflow is started, or hears that something changed."""


class AnnouncementGateway(Protocol):
    async def tell_announcement(self, announcement_id: UUID) -> None:
        """Starts the workflow, or signals the one that runs. Raises `Unavailable`."""
