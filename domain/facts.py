"""Everything a plan may look at. Facts are read once; the rules see nothing else."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

from domain.enums import Category, Channel, ConsentType, DeliveryMode, Priority, Strategy
from domain.preferences import Preferences


@dataclass(frozen=True, slots=True)
class NotificationFacts:
    """The notification as the rules see it: no content, only what decides."""

    id: UUID
    user_id: str
    type: str
    category: Category
    priority: Priority
    strategy: Strategy
    channels: tuple[Channel, ...]
    """Channels in the order asked for, without those already used up by earlier plans."""
    accepted_at: datetime
    scheduled_at: datetime | None = None
    expires_at: datetime | None = None
    legally_transactional: bool = False
    required_consent: ConsentType | None = None
    """Consent the type needs on every channel, such as `marketing` for a newsletter."""
    digest_rule: DeliveryMode | None = None
    """How messages of the type reach users who chose nothing for its category."""
    gathered_at: datetime | None = None
    """Since when it is seen as one of those being gathered: now, for one that waits in a digest."""
    send_now: bool = False
    """An operator asked for it at once: schedule, quiet hours, limits and throttles give way."""


@dataclass(frozen=True, slots=True)
class Reach:
    """How a user can be reached on one channel."""

    targets: int
    suppressed: int = 0
    suppression_reason: str | None = None
    destination_country: str | None = None
    """ISO 3166 alpha-2 of the phone number, for SMS sending times."""


@dataclass(frozen=True, slots=True)
class Usage:
    """One earlier message that counts against limits."""

    notification_id: UUID
    category: Category
    channel: Channel
    at: datetime


@dataclass(frozen=True, slots=True)
class Hold:
    """A channel an operator paused. It is looked at again at `until`, or when it is resumed."""

    part: str
    """What is paused: `channel:sms`, `provider:twilio`, `campaign`."""
    until: datetime


@dataclass(frozen=True, slots=True)
class PlanFacts:
    notification: NotificationFacts
    preferences: Preferences
    timezone: str
    """The user's own zone, an IANA name; quiet hours may name another."""
    consents: Mapping[ConsentType, bool] = field(default_factory=dict)
    """What was answered. A consent absent here was never asked."""
    subscription: frozenset[Channel] | None = None
    """Channels subscribed for this type; empty means unsubscribed; None means never chosen."""
    reach: Mapping[Channel, Reach] = field(default_factory=dict)
    usage: tuple[Usage, ...] = ()
    """Messages of the last seven days that count, this notification's own left out."""
    throttles: Mapping[Channel, tuple[int, timedelta]] = field(default_factory=dict)
    """Per channel: at most so many messages per user within so long."""
    duplicate_of: UUID | None = None
    number_free_at: datetime | None = None
    """When the user's phone number, which may be others' too, may have another SMS; None: now."""
    holds: Mapping[Channel, Hold] = field(default_factory=dict)
    """Channels that operators hold back, themselves or their provider."""
