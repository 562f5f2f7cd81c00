"""What waits to be gathered, as the services see it, and the workflow that gathers it."""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from uuid import UUID

from domain.enums import Channel
from domain.records.notifications import Notification, NotificationView


@dataclass(frozen=True, slots=True)
class WaitingDigest:
    """A user's digest under one key that has items waiting."""

    user_id: str
    digest_key: str
    ends_at: datetime
    """The end of its earliest window."""


@dataclass(frozen=True, slots=True)
class ClaimedItem:
    view: NotificationView
    channels: tuple[Channel, ...]
    """Those that were gathered."""


class DigestRepository(Protocol):
    async def lock(self, user_id: str, digest_key: str) -> None:
        """Until the transaction ends nobody else adds to or claims from this digest."""

    async def put(
        self,
        notification: Notification,
        digest_key: str,
        channels: tuple[Channel, ...],
        ends_at: datetime,
    ) -> bool:
        """Stores or moves the item; call with the digest locked. True when its workflow is yet to
        be told: no item that it knows of ends as early."""

    async def withdraw(self, notification_id: UUID) -> None:
        """Takes a waiting item out again."""

    async def waiting(self, notification_id: UUID) -> WaitingDigest | None:
        """Where the notification waits, with its own window's end."""

    async def claim(
        self, user_id: str, digest_key: str, digest_id: UUID, *, due: datetime | None, limit: int
    ) -> tuple[ClaimedItem, ...]:
        """Puts up to `limit` items whose window ends by `due` (None: every item) into this digest
        and ends their gathered channels; the oldest first. What was cancelled or ended meanwhile
        is let go. Call with the digest locked."""

    async def next_end(self, user_id: str, digest_key: str) -> datetime | None: ...

    async def count(self, user_id: str, digest_key: str) -> int:
        """How many items wait."""

    async def mark_told(self, digest: WaitingDigest) -> None:
        """Its workflow knows of a window that ends then, and so of all later ones."""

    async def forgotten(
        self, *, stored_before: datetime, told_before: datetime, limit: int
    ) -> tuple[WaitingDigest, ...]:
        """Digests whose workflow was not told of an item stored before then, or was told before
        then of a window that ended long ago and is still not flushed."""


class DigestGateway(Protocol):
    async def wake_digest(self, digest: WaitingDigest) -> None:
        """Starts the digest's workflow, or tells the running one when the window ends. Raises
        `Unavailable`."""
