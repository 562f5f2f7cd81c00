"""Vendors' callbacks as they are kept, and what people did with their messages."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Protocol
from uuid import UUID

from domain.callbacks import EngagementKind
from domain.enums import Channel, ConsentType
from domain.paging import Page, PageRequest
from domain.records.people import Consent


class CallbackStatus(StrEnum):
    RECEIVED = "received"
    """Kept, and not applied yet."""
    APPLIED = "applied"
    IGNORED = "ignored"
    """About a message that is not Herald's."""
    FAILED = "failed"
    """It could not be read or applied; replaying it tries again."""


@dataclass(frozen=True, slots=True)
class StoredCallback:
    """A verified callback. `body` is as the vendor sent it; None in lists."""

    id: UUID
    provider: str
    status: CallbackStatus
    attempts: int
    received_at: datetime
    applied_at: datetime | None = None
    """When it was first applied; applying it again leaves this."""
    error: str | None = None
    body: bytes | None = None


@dataclass(frozen=True, slots=True)
class CallbackFilter:
    provider: str | None = None
    status: CallbackStatus | None = None


@dataclass(frozen=True, slots=True)
class EngagementRecord:
    """One thing one person did with one message."""

    delivery_id: UUID
    """Names the message; of a campaign's email as its provider was told."""
    notification_id: UUID | None
    """None of a campaign's email, which is no notification."""
    user_id: str
    channel: Channel
    kind: EngagementKind
    at: datetime
    url: str | None = None
    said_at: datetime | None = None
    """The vendor's own instant where `at` is another one: clocks differ, and what is told twice is
    recognised by what the vendor said."""
    campaign_id: UUID | None = None
    """Whose message it is, or the notification carries on."""


class CallbackRepository(Protocol):
    async def add(self, callback: StoredCallback, reply_id: str | None = None) -> bool:
        """Keeps a callback, its body sealed, as being worked on. False, and nothing changed, when
        this provider sent the same body before or, of a reply, the same `reply_id`."""

    async def get(self, callback_id: UUID) -> StoredCallback | None:
        """With its body."""

    async def hold(self, callback_id: UUID) -> bool:
        """Locks one that waits to be applied until the transaction ends. False when it waits no
        more, or another transaction is applying it."""

    async def claim(
        self, now: datetime, again_after: Sequence[timedelta], limit: int
    ) -> tuple[UUID, ...]:
        """Those to try now, the oldest first: the n-th try ended without a result
        `again_after[n - 1]` ago or longer (after the last of them, its value). Marks them
        claimed. SKIP LOCKED: any number of processes."""

    async def finish(
        self, callback_id: UUID, status: CallbackStatus, error: str | None, at: datetime
    ) -> None: ...

    async def reopen(self, callback_id: UUID, at: datetime) -> bool:
        """Lets it be applied again, its tries at one. False when there is none."""

    async def list(self, where: CallbackFilter, page: PageRequest) -> Page[StoredCallback]:
        """Newest first, without bodies."""

    async def forget(self, before: datetime, limit: int) -> int:
        """Deletes up to `limit` received before that instant. Returns how many."""

    async def notifications_of(self, provider: str, message_ids: Sequence[str]) -> tuple[UUID, ...]:
        """The notifications these messages belong to, in the order to lock them in."""

    async def users_with_phone(self, phone: str) -> tuple[str, ...]:
        """Ids of the users whose E.164 number this is, in the order to lock them in."""

    async def last_answer(self, user_id: str, consent: ConsentType, source: str) -> Consent | None:
        """The newest answer to a consent that came from this source."""


class EngagementRepository(Protocol):
    async def add(self, record: EngagementRecord) -> bool:
        """False, and nothing written, when it is known: one per delivery, kind, URL and instant.
        Of the URL only what is free of personal data is kept."""

    async def add_reads(self, reads: Sequence[tuple[UUID, UUID | None]], at: datetime) -> None:
        """Notifications that were unread in the inbox until now, each with the campaign whose
        message it carries on, if it does."""
