"""The delivery ledger: intents before calls, results after, each a compare-and-set."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Protocol
from uuid import UUID

from domain.content import Content
from domain.enums import Channel, DeliveryStatus, Platform, PushVendor
from domain.preferences import Preferences
from domain.records.catalogue import NotificationType
from domain.records.notifications import Delivery, Notification
from domain.records.operations import DeadLetter
from domain.records.people import User


@dataclass(frozen=True, slots=True)
class Target:
    """Where a delivery goes: an address, number, token or user id, decrypted."""

    key: str
    """`primary`, or the device's id; the ledger line's `target`."""
    address: str
    platform: Platform | None = None
    locale: str | None = None
    suppressed_reason: str | None = None
    vendor: PushVendor | None = None
    """Who made the device's token, and alone can reach it by that."""


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
    tracking_consent: bool | None
    """What the user answered; None when never asked."""
    paused: Mapping[str, bool]
    """Paused parts (`channel:sms`, `provider:twilio`, or `campaign`, the one it is part of), and
    whether their messages are to go another way meanwhile."""


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
    gives_up: bool = False
    """The delivery goes on to another provider."""
    passed_over: tuple[str, ...] = ()
    """Providers that would have come first and are down."""
    cost_minor: Decimal | None = None
    cost_currency: str | None = None


@dataclass(frozen=True, slots=True)
class Received:
    """A delivery after a receipt, and whether the receipt moved it."""

    delivery: Delivery
    moved: bool


class DeliveryRepository(Protocol):
    async def load_job(self, notification_id: UUID, channel: Channel) -> DeliveryJob | None: ...

    async def write_intent(
        self, notification_id: UUID, providers: Mapping[UUID, str], at: datetime
    ) -> tuple[Intent, ...]:
        """Locks the notification, refuses (empty) when it was cancelled or has ended, and moves
        each delivery that is pending, deferred or already sending to `sending` with its provider;
        one already sending keeps the provider it has. The answer leaves out those that are
        neither. Sets `first_intent_at` and status `processing`."""

    async def hold(
        self, notification_id: UUID, delivery_ids: Sequence[UUID], reason: str, provider: str | None
    ) -> None:
        """Defers pending deliveries because an operator paused their channel or provider."""

    async def release_held(self, limit: int, at: datetime) -> tuple[tuple[UUID, int], ...]:
        """(notification id, redrives) of up to `limit` notifications held by a pause that is
        over, of the most urgent priority there is, the oldest first; they are held no more. What
        is less urgent comes when these have been planned. Any number of processes may ask; one of
        them at a time gets an answer."""

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
    ) -> tuple[Received, ...]:
        """Applies a receipt to every delivery that has this message id (one that went to a user
        as a whole stands for all of that user's devices), if it moves it forward."""

    async def bury(self, letters: Sequence[DeadLetter]) -> None:
        """Adds dead letters; one open letter per delivery."""
