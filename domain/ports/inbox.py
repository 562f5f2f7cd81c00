"""The in-app inbox: what is stored in it, and frames on their way to open connections."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Protocol
from uuid import UUID

from domain.paging import Page, PageRequest
from domain.records.inbox import InboxChange, InboxItem

ANNOUNCEMENTS_CHANGED: Final = "announcements"
"""A frame of this kind is for processes: announcements changed, up to the version `seq`."""
Frame = Mapping[str, Any]
"""As a client sees it. A `read` or `removed` frame may name its `origin`, the connection that
caused it; no client is shown that."""


class InboxPublisher(Protocol):
    async def publish(self, user_id: str, frame: Frame) -> int:
        """Sends a frame to every open connection of the user, on any process. Returns how many
        processes took it; raises `ConnectionError` when the bus is away."""


class InboxBroadcaster(InboxPublisher, Protocol):
    async def broadcast(self, frame: Frame) -> int:
        """Sends a frame to every open connection of every user, on any process. Returns how many
        processes took it; raises `ConnectionError` when the bus is away."""


@dataclass(frozen=True, slots=True)
class LiveFrame:
    """A frame as the bus hands it on: read once, however many connections get it."""

    kind: str
    text: str
    """The JSON a client is sent."""
    seq: int = 0
    """Of a notification: its number in the user's inbox."""
    origin: str | None = None
    version: int = 0
    """Of an announcement: the place of its change among all changes."""


class Reader(Protocol):
    """An open connection, as the bus sees it."""

    @property
    def seq(self) -> int:
        """The last item it has."""

    def heard(self, frame: LiveFrame) -> None:
        """Takes a frame at once, or none any more; never makes others wait."""


class InboxRepository(Protocol):
    async def add(
        self, user_id: str, notification_id: UUID, at: datetime, *, title: str | None, body: str
    ) -> int:
        """Puts the rendered words in the inbox; returns the item's seq, the same one when it is
        there already."""

    async def list(
        self, user_id: str, *, unread_only: bool, page: PageRequest
    ) -> Page[InboxItem]: ...

    async def after(self, user_id: str, seq: int, limit: int) -> tuple[InboxItem, ...]:
        """Items with a greater seq, oldest first, for a connection that resumes."""

    async def counts(self, user_id: str) -> tuple[int, int, int]:
        """(total, unread, last seq)."""

    async def unread_with(self, user_id: str, notification_id: UUID) -> int:
        """How many are unread, counting this notification when it is about to be added."""

    async def last_seqs(self, user_ids: Collection[str]) -> Mapping[str, int]:
        """The last number given out in each inbox that has any."""

    async def changed_since(
        self, user_ids: Collection[str], since: datetime
    ) -> tuple[InboxChange, ...]:
        """What was read in or removed from these inboxes at `since` or later."""

    async def mark_read(self, user_id: str, ids: Sequence[UUID], at: datetime) -> tuple[UUID, ...]:
        """The ids that were unread until now."""

    async def remove(self, user_id: str, notification_id: UUID) -> bool: ...
