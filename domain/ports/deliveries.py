"""The delivery ledger: intents before calls, results after, each a compare-and-set."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from uuid import UUID

from domain.content import Content
from domain.enums import Channel, DeliveryStatus, Platform
from domain.preferences import Preferences
from domain.records import DeadLetter, Delivery, Notification, NotificationType, User


@dataclass(frozen=True, slots=True)
class Target:
    """Where a delivery goes: an address, number, token or user id, decrypted."""

    key: str
    """`primary`, or the device's id; the ledger line's `target`."""
    address: str
    platform: Platform | None = None
    locale: str | None = None
    suppressed_reason: str | None = None


@dataclass(frozen=True, slots=True)
class DeliveryJob:
    """All that delivering one notification on one channel needs, read in one go."""

    notification: Notification
    content: Content
    type: NotificationType
    user: User
    preferences: Preferences
    deliveries: tuple[Delivery, ...]
    """Ledger lines of this channel."""
    targets: tuple[Target, ...]
    paused: frozenset[str]
    """Paused names: `channel:sms`, `provider:twilio`."""


@dataclass(frozen=True, slots=True)
class Intent:
    """An intent that was written. `in_doubt` says an earlier one had no result recorded."""

    delivery: Delivery
    in_doubt: bool


@dataclass(frozen=True, slots=True)
class AttemptResult:
    """How one attempt at one delivery ended. `status` is the delivery's status from now on."""

    delivery_id: UUID
    status: DeliveryStatus
    provider: str | None
    at: datetime
    outcome: str
    """`accepted`, `rejected`, `retry`, `uncertain`, `found`, `unknown`."""
    provider_message_id: str | None = None
    error_code: str | None = None
    error_message: str | None = None
    next_attempt_at: datetime | None = None
    segments: int | None = None


class DeliveryRepository(Protocol):
    async def load_job(self, notification_id: UUID, channel: Channel) -> DeliveryJob | None: ...

    async def write_intent(
        self, notification_id: UUID, delivery_ids: Sequence[UUID], provider: str, at: datetime
    ) -> tuple[Intent, ...]:
        """Locks the notification, refuses (empty) when it was cancelled or has ended, and moves
        each delivery that is pending, deferred or already sending to `sending`; the answer
        leaves out those that are not. Sets `first_intent_at` and status `processing`."""

    async def add(self, deliveries: Sequence[Delivery]) -> None:
        """Lines for targets that appeared after the plan; known ones are left alone."""

    async def record(self, results: Sequence[AttemptResult]) -> tuple[Delivery, ...]:
        """Writes results and their attempts; only a delivery still `sending` moves. Returns the
        deliveries as they now are."""

    async def close_open(
        self,
        notification_id: UUID,
        status: DeliveryStatus,
        reason: str,
        *,
        channel: Channel | None = None,
    ) -> int:
        """Ends every delivery still pending or deferred (of one channel, when given)."""

    async def of(self, notification_id: UUID) -> tuple[Delivery, ...]: ...

    async def known_message_ids(self, provider: str, ids: Sequence[str]) -> frozenset[str]:
        """Those of these provider message ids that a delivery already has."""

    async def reopen(self, notification_id: UUID, delivery_id: UUID | None) -> int:
        """Failed and unknown deliveries become pending again, counters at zero: a redrive."""

    async def receive(
        self,
        provider: str,
        provider_message_id: str,
        status: DeliveryStatus,
        at: datetime,
        *,
        code: str | None,
        message: str | None,
    ) -> Delivery | None:
        """Applies a receipt if it moves the delivery forward. The delivery as it now is, or
        None when no delivery has this message id."""

    async def bury(self, letters: Sequence[DeadLetter]) -> None:
        """Adds dead letters; one open letter per delivery."""
