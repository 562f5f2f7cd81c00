"""Herald's stored things, as the services see them: decrypted, typed, frozen."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from domain.content import Content
from domain.enums import (
    Category,
    Channel,
    ConsentType,
    DeliveryMode,
    DeliveryStatus,
    EventType,
    NotificationStatus,
    PlanTrigger,
    Platform,
    Priority,
    PushVendor,
    Scope,
    Strategy,
)
from domain.plan_types import Plan


@dataclass(frozen=True, slots=True)
class Money:
    """An amount in minor units (cents), which may have a fraction, as SMS prices do."""

    minor: Decimal
    currency: str
    """ISO 4217."""


@dataclass(frozen=True, slots=True)
class NotificationType:
    """One row of the catalogue of types."""

    type: str
    category: Category
    default_channels: tuple[Channel, ...]
    default_priority: Priority = Priority.MEDIUM
    default_strategy: Strategy = Strategy.ALL
    time_to_live: timedelta | None = None
    digest_rule: DeliveryMode | None = None
    """How its messages reach users who chose nothing for its category."""
    legally_transactional: bool = False
    required_consent: ConsentType | None = None
    template_key: str | None = None
    description: str = ""
    updated_at: datetime | None = None
    track_opens: bool = True
    track_clicks: bool = True


@dataclass(frozen=True, slots=True)
class Notification:
    """A notification without its content."""

    id: UUID
    user_id: str
    type: str
    category: Category
    priority: Priority
    channels: tuple[Channel, ...]
    strategy: Strategy
    status: NotificationStatus
    created_at: datetime
    updated_at: datetime
    content_hash: str
    """Keyed hash of the `dedupKey`, or of type and content when none was given."""
    reason: str | None = None
    until: datetime | None = None
    escalate_after: timedelta | None = None
    scheduled_at: datetime | None = None
    expires_at: datetime | None = None
    dedup_key: str | None = None
    digest_key: str | None = None
    template_key: str | None = None
    template_version: int | None = None
    template_locale: str | None = None
    send_now: bool = False
    revision: int = 0
    """Counts amendments."""
    redrives: int = 0
    first_intent_at: datetime | None = None
    """When the first provider call was recorded: from here on nothing can be amended."""
    cancel_requested_at: datetime | None = None
    read_at: datetime | None = None
    digest_id: UUID | None = None
    """The digest in which it went out."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """A notification on one channel to one target; a line of the ledger."""

    id: UUID
    notification_id: UUID
    channel: Channel
    target: str
    """`primary`, or the device's id for push. Never an address."""
    status: DeliveryStatus
    created_at: datetime
    updated_at: datetime
    reason: str | None = None
    until: datetime | None = None
    provider: str | None = None
    provider_message_id: str | None = None
    attempts: int = 0
    failures: int = 0
    """Attempts that ended in a definite, retryable refusal."""
    intent_at: datetime | None = None
    """When the first intent was written."""
    sent_at: datetime | None = None
    delivered_at: datetime | None = None
    error_code: str | None = None
    error_message: str | None = None
    given_up: tuple[str, ...] = ()
    """Providers that were tried in vain; the next one has the delivery."""
    failures_here: int = 0
    """Of `failures`, those at the present provider."""
    segments: int | None = None
    cost: Money | None = None
    """What the vendor charges for it by the price table; SMS only."""
    batch_key: UUID | None = None
    """The idempotency key of the provider call in which it goes with others of its batch; its own
    id when it goes alone. None for what is not, or no longer, a batch's to deliver."""


@dataclass(frozen=True, slots=True)
class NotificationView:
    """A notification with everything its wire shape shows."""

    notification: Notification
    content: Content
    deliveries: tuple[Delivery, ...] = ()


@dataclass(frozen=True, slots=True)
class User:
    id: str
    created_at: datetime
    updated_at: datetime
    email: str | None = None
    email_verified: bool = False
    phone: str | None = None
    """E.164."""
    name: str | None = None
    locale: str | None = None
    timezone: str | None = None
    country: str | None = None
    attributes: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Device:
    id: UUID
    user_id: str
    token: str
    platform: Platform
    provider: PushVendor
    created_at: datetime
    last_seen_at: datetime
    app_version: str | None = None
    locale: str | None = None


@dataclass(frozen=True, slots=True)
class Subscription:
    """Channels a user chose for a type. No channels: unsubscribed."""

    user_id: str
    type: str
    channels: tuple[Channel, ...]
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class Consent:
    user_id: str
    type: ConsentType
    granted: bool
    source: str
    text: str | None
    at: datetime


@dataclass(frozen=True, slots=True)
class Suppression:
    """An address nothing is sent to. `address` is known only where the caller gave it."""

    id: UUID
    channel: Channel
    reason: str
    source: str
    created_at: datetime
    user_id: str | None = None
    address: str | None = None
    expires_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class TemplateVersion:
    """One version of a template in one locale."""

    key: str
    locale: str
    version: int
    type: str | None
    channels: Mapping[str, Mapping[str, Any]]
    variables: Mapping[str, Any]
    example: Mapping[str, Any]
    status: str
    """`draft` or `published`."""
    created_at: datetime


@dataclass(frozen=True, slots=True)
class TemplateSummary:
    key: str
    type: str | None
    locales: tuple[str, ...]
    version: int
    status: str
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class Event:
    """One line of the event log. `detail` is JSON-ready and free of personal data."""

    type: EventType
    user_id: str
    at: datetime
    notification_id: UUID | None = None
    channel: Channel | None = None
    detail: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class PlanRecord:
    notification_id: UUID
    at: datetime
    trigger: PlanTrigger
    plan: Plan


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A final failure that waits for a person: redrive or discard."""

    id: UUID
    notification_id: UUID
    delivery_id: UUID | None
    user_id: str
    type: str
    channel: Channel | None
    provider: str | None
    code: str
    message: str
    created_at: datetime
    status: str = "open"
    """`open`, `redriven`, `discarded`, or `resolved`: the provider told later that it left."""
    resolved_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class ApiKey:
    id: UUID
    name: str
    prefix: str
    """The first characters of the key, to recognise it by."""
    scopes: frozenset[Scope]
    rate_limit: int | None
    """Calls a minute; None for the first key, which has no limit."""
    created_at: datetime
    expires_at: datetime | None = None
    revoked_at: datetime | None = None
    last_used_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class AuditEntry:
    at: datetime
    actor: str
    action: str
    subject: str
    detail: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class PausedPart:
    """A channel (`channel:email`) or provider (`provider:resend`) an operator paused."""

    name: str
    at: datetime
    divert: bool = False
    """Of a provider: its messages go by the next one instead of waiting."""


@dataclass(frozen=True, slots=True)
class PendingSignal:
    """Something a waiting workflow is to hear of; kept until it was told."""

    id: UUID
    notification_id: UUID
    redrives: int
    kind: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class InboxItem:
    """A notification in its user's inbox; `seq` grows by one with each."""

    seq: int
    view: NotificationView
    at: datetime
    """When it arrived."""


@dataclass(frozen=True, slots=True)
class InboxChange:
    """An item that was read or, if `removed`, taken out of its user's inbox."""

    user_id: str
    notification_id: UUID
    removed: bool
