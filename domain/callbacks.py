"""What a vendor's signed callback can say, in the words every vendor shares."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from domain.enums import DeliveryStatus


class EngagementKind(StrEnum):
    """What a person did with a message."""

    OPENED = "opened"
    CLICKED = "clicked"
    READ = "read"
    DISMISSED = "dismissed"
    CONVERTED = "converted"
    UNSUBSCRIBED = "unsubscribed"


@dataclass(frozen=True, slots=True)
class Receipt:
    """A provider's word on a message it took earlier."""

    provider_message_id: str
    status: DeliveryStatus
    at: datetime
    code: str | None = None
    message: str | None = None
    permanent: bool = True
    """Of a bounce or failure: the address will not take the next message either. A full mailbox
    or a switched-off phone is not permanent and suppresses nothing."""
    recipient: str | None = None
    """The address it went to, where the vendor repeats it; the user's may have changed since."""


@dataclass(frozen=True, slots=True)
class Engagement:
    """Somebody opened, clicked or dismissed a message the provider took."""

    provider_message_id: str
    kind: EngagementKind
    at: datetime
    url: str | None = None
    """Where a click led."""


@dataclass(frozen=True, slots=True)
class Reply:
    """A person wrote back. `sender` and `recipient` are E.164 as the vendor gave them."""

    message_id: str
    """The vendor's id of the inbound message; the same reply told twice has the same."""
    sender: str
    recipient: str
    text: str
    at: datetime
    keyword: str | None = None
    """`STOP`, `START` or `HELP` when the vendor, who may know words of the account's own, took the
    text for that."""


@dataclass(frozen=True, slots=True)
class Confirmation:
    """The vendor asks whether callbacks are wanted here; fetching `url` says yes. The provider
    has checked that the address is the vendor's own."""

    url: str


Callback = Receipt | Engagement | Reply | Confirmation
