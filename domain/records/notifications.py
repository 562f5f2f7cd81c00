"""Notifications, their deliveries, and the plans made for them."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from domain.content import Content
from domain.enums import (
    Category,
    Channel,
    DeliveryStatus,
    NotificationStatus,
    PlanTrigger,
    Priority,
    Strategy,
)
from domain.money import Money
from domain.plan_types import Plan


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
class PlanRecord:
    notification_id: UUID
    at: datetime
    trigger: PlanTrigger
    plan: Plan
