"""The port every delivery provider fulfils, and the words for how a send can end."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Protocol, runtime_checkable
from uuid import UUID, uuid5

from domain.callbacks import Callback, Confirmation, Receipt
from domain.content import Attachment, PushOptions, RenderedMessage
from domain.enums import Category, Channel, DeliveryStatus, Platform, Priority


class Recovery(StrEnum):
    """What may be done when it is not known whether the provider took a message."""

    SAME_KEY = "same_key"
    """Call again with the same idempotency key: the provider recognises it."""
    ASK = "ask"
    """Ask the provider with `find`."""
    REPLACE = "replace"
    """Call again: the second copy replaces the first at the receiver."""
    NONE = "none"
    """Neither: the delivery is `unknown`, and the category's policy decides."""


@dataclass(frozen=True, slots=True)
class OutboundMessage:
    """One message to one target, complete. `target` is an address, number, token or user id."""

    delivery_id: UUID
    notification_id: UUID
    user_id: str
    channel: Channel
    type: str
    category: Category
    priority: Priority
    target: str
    message: RenderedMessage
    platform: Platform | None = None
    sender: str | None = None
    reply_to: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    attachments: tuple[Attachment, ...] = ()
    push: PushOptions | None = None
    time_to_live: timedelta | None = None
    first_tried_at: datetime | None = None
    """When the ledger first recorded an intent; the day to look at when asking."""
    thread: str | None = None
    """What this belongs to (an application, an interview): emails of one thread are shown
    together. The same text for the same thing, free of personal data."""
    campaign_id: UUID | None = None
    """The campaign whose message this is; `notification_id` then names the message alone."""
    by_user: bool = False
    """The target is the user, not a device: a provider that knows users by id reaches every
    device of theirs with one message, however many devices it was meant for."""

    @property
    def idempotency_key(self) -> str:
        """The delivery id: the same for every attempt at this delivery, ever. What goes to the
        user as a whole has one key for all the devices it stands for."""
        return str(uuid5(self.notification_id, "by user") if self.by_user else self.delivery_id)


@dataclass(frozen=True, slots=True)
class Accepted:
    """The provider has the message."""

    provider_message_id: str
    status: DeliveryStatus = DeliveryStatus.SENT
    segments: int | None = None


@dataclass(frozen=True, slots=True)
class Rejected:
    """The provider refused for good: content, recipient or account; trying again cannot help.

    `target_gone` says that the address or token no longer exists and is to be forgotten.
    """

    code: str
    message: str
    target_gone: bool = False


@dataclass(frozen=True, slots=True)
class Retry:
    """The provider did not take it and may later. `after` is what it asked for, if it did.

    `fail_over` says that another provider may be tried at once (bad credentials, connection
    refused), as this one's condition has nothing to do with the message.
    """

    code: str
    message: str
    after: timedelta | None = None
    fail_over: bool = False


@dataclass(frozen=True, slots=True)
class Uncertain:
    """The provider may have taken it: time-out or cut connection after the request left."""

    code: str
    message: str


SendOutcome = Accepted | Rejected | Retry | Uncertain


@dataclass(frozen=True, slots=True)
class Found:
    """A message the provider says it took, a candidate for one that is in doubt."""

    provider_message_id: str
    status: DeliveryStatus = DeliveryStatus.SENT


@dataclass(frozen=True, slots=True)
class ConfigurationProblem:
    setting: str
    detail: str


@runtime_checkable
class BatchProvider(Protocol):
    """A provider that takes many messages in one call."""

    @property
    def batch_size(self) -> int:
        """The most messages one call takes."""

    async def send_many(
        self, messages: Sequence[OutboundMessage], key: str
    ) -> tuple[SendOutcome, ...]:
        """One outcome per message, in order. `key` names this very batch: a repeat with the same
        messages and key is the same batch to the vendor."""


@runtime_checkable
class ConfirmsSubscriptions(Protocol):
    """A provider whose callbacks must be asked for by answering its question."""

    async def confirm(self, confirmation: Confirmation) -> None:
        """Says yes. Raises `Invalid` when the vendor does not take it."""


class Provider(Protocol):
    """One vendor account on one channel. Never raises for what a vendor may answer; every
    ending is a `SendOutcome`. Holds connections: `aclose` when done."""

    @property
    def name(self) -> str:
        """The vendor's name as used in settings, faults and deliveries, such as `resend`."""

    @property
    def channel(self) -> Channel: ...

    @property
    def recovery(self) -> Recovery: ...

    async def send(self, message: OutboundMessage) -> SendOutcome: ...

    async def find(self, message: OutboundMessage) -> tuple[Found, ...] | None:
        """Messages the vendor took that could be this one, newest last; None when the vendor
        could not be asked just now. Only called when `recovery` is ASK."""

    async def track(self, provider_message_id: str) -> Receipt | None:
        """The vendor's present word on a message, or None when it has none."""

    async def verify_webhook(self, headers: Mapping[str, str], body: bytes, url: str) -> None:
        """Raises `Unauthorized` unless the vendor signed this callback, recently where it says
        when. `url` is the public address it was sent to; header names come in any case."""

    def parse_webhook(self, body: bytes) -> tuple[Callback, ...]:
        """What a verified callback says; empty when it is about nothing Herald keeps. Pure, so
        that a stored callback can be applied again. Raises `Invalid` when it cannot be read."""

    async def validate_configuration(self) -> tuple[ConfigurationProblem, ...]: ...

    async def aclose(self) -> None: ...
