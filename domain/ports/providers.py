"""The port every delivery provider fulfils, and the words for how a send can end."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Protocol
from uuid import UUID

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

    @property
    def idempotency_key(self) -> str:
        """The delivery id: the same for every attempt at this delivery, ever."""
        return str(self.delivery_id)


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
class Receipt:
    """A provider's word on a message it took earlier."""

    provider_message_id: str
    status: DeliveryStatus
    at: datetime
    code: str | None = None
    message: str | None = None


@dataclass(frozen=True, slots=True)
class ConfigurationProblem:
    setting: str
    detail: str


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

    def parse_webhook(
        self, headers: Mapping[str, str], body: bytes, url: str
    ) -> tuple[Receipt, ...]:
        """Receipts in a signed callback. Raises `Unauthorized` when the signature is not good,
        `Invalid` when it is good and the body cannot be understood."""

    async def validate_configuration(self) -> tuple[ConfigurationProblem, ...]: ...

    async def aclose(self) -> None: ...
