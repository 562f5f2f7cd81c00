"""A campaign as it is stored, its recipients, and its accounts."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from domain.ab.definition import ABDesign
from domain.audience.shapes import Audience
from domain.campaigns.shapes import CampaignWords, Rate, Schedule
from domain.enums import Category, Channel, Priority


class CampaignStatus(StrEnum):
    DRAFT = "draft"
    SCHEDULED = "scheduled"
    RUNNING = "running"
    PAUSED = "paused"
    TESTING = "testing"
    COMPLETED = "completed"
    CANCELLED = "cancelled"
    FAILED = "failed"

    @property
    def is_under_way(self) -> bool:
        """Something of it may still leave."""
        return self in UNDER_WAY

    @property
    def is_over(self) -> bool:
        return self in OVER


UNDER_WAY = frozenset(
    {
        CampaignStatus.SCHEDULED,
        CampaignStatus.RUNNING,
        CampaignStatus.PAUSED,
        CampaignStatus.TESTING,
    }
)
OVER = frozenset({CampaignStatus.COMPLETED, CampaignStatus.CANCELLED, CampaignStatus.FAILED})


class RecipientStatus(StrEnum):
    """Where one message of a campaign stands in its accounts: each is in exactly one."""

    PENDING = "pending"
    SENT = "sent"
    SKIPPED = "skipped"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Campaign:
    id: UUID
    name: str
    type: str
    category: Category
    channels: tuple[Channel, ...]
    words: CampaignWords
    audience: Audience
    status: CampaignStatus
    created_at: datetime
    updated_at: datetime
    schedule: Schedule | None = None
    rate: Rate | None = None
    test: ABDesign | None = None
    priority: Priority = Priority.LOW
    """Of each of its messages."""
    reason: str | None = None
    """Why it stands as it does, where that is not plain."""
    revision: int = 0
    """Counts amendments of words and rate."""
    parent_id: UUID | None = None
    """The recurring campaign this is one occurrence of."""
    occurs_at: datetime | None = None
    template_versions: Mapping[str, int] = field(default_factory=dict)
    """Locale → version, pinned when it is sent, and again when it is amended."""
    resumes_as: CampaignStatus | None = None
    """What a paused one goes on as."""
    recipients: int | None = None
    """Messages it is to send, one for each recipient and channel; None before it is frozen."""
    starts_at: datetime | None = None
    """When it is to begin; for local times, when the first zone does."""
    started_at: datetime | None = None
    completed_at: datetime | None = None
    winner: int | None = None
    """Which variant those outside the test get."""


@dataclass(frozen=True, slots=True)
class Recipient:
    """One message of a campaign, as its list shows it."""

    ordinal: int
    user_id: str
    channel: Channel
    status: RecipientStatus
    reason: str | None = None
    variant: str | None = None
    due_at: datetime | None = None
    provider: str | None = None
    provider_message_id: str | None = None
    sent_at: datetime | None = None
    outcome: str | None = None
    """What the vendor said later: `delivered`, `bounced`, `complained`."""
    opened_at: datetime | None = None
    clicked_at: datetime | None = None
    unsubscribed_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class VariantCounts:
    name: str
    recipients: int = 0
    sent: int = 0
    opened: int = 0
    """Of those sent; so is `clicked`."""
    clicked: int = 0


@dataclass(frozen=True, slots=True)
class CampaignCounts:
    """The accounts, read in one query: recipients = sent + skipped + failed + pending."""

    recipients: int = 0
    sent: int = 0
    skipped: Mapping[str, int] = field(default_factory=dict)
    failed: int = 0
    failures: Mapping[str, int] = field(default_factory=dict)
    """Failed, by reason."""
    pending: int = 0
    deferred: int = 0
    """Of those pending, how many wait for an instant of their own."""
    delivered: int = 0
    bounced: int = 0
    complained: int = 0
    opened: int = 0
    clicked: int = 0
    unsubscribed: int = 0
    first_sent_at: datetime | None = None
    last_sent_at: datetime | None = None
    sent_lately: int = 0
    """In the last minute."""
    last_due_at: datetime | None = None
    """When the last of those deferred is due."""
    variants: tuple[VariantCounts, ...] = ()
