"""What crosses between a workflow and its activities: small, typed, without content.

Ids travel, never words or addresses, so that histories hold nothing personal and deleting a
user's key is enough to forget them.
"""

from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

from pydantic import BaseModel, ConfigDict

from domain.enums import (
    Channel,
    MaintenanceStep,
    NotificationStatus,
    PlanTrigger,
    Priority,
    Strategy,
)


class Message(BaseModel):
    """Frozen, and strict about what it does not know."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class SignalKind(StrEnum):
    """The names of NotificationWorkflow's signals."""

    CANCEL = "cancel"
    AMEND = "amend"
    SEND_NOW = "send_now"
    PREFERENCES_CHANGED = "preferences_changed"
    ENGAGEMENT = "engagement"
    RESUMED = "resumed"


class NotificationInput(Message):
    notification_id: UUID
    redrives: int = 0


class PlanInput(Message):
    notification_id: UUID
    now: datetime
    """The workflow's own clock, so that skipped time is seen by every rule."""
    trigger: PlanTrigger


class PlanResult(Message):
    """What the workflow is to do next: ended, or ready channels, a wait, a place in a digest."""

    status: NotificationStatus
    ended: bool
    """Nothing is left to do: cancelled, skipped, expired, or every channel used up."""
    strategy: Strategy
    ready: tuple[Channel, ...] = ()
    """Deliver these now, concurrently."""
    wait_until: datetime | None = None
    """When something is deferred: look again then, with trigger `due`. May come with `ready`."""
    gathered: bool = False
    """It waits in a digest, which takes care of it from here."""
    hand_over: bool = False
    """The digest's workflow is yet to be told."""
    escalate_after: timedelta | None = None
    held: tuple[Channel, ...] = ()
    """Channels in reserve, for fallback and escalation, in order."""
    expires_at: datetime | None = None
    priority: Priority = Priority.MEDIUM
    summary: str = ""
    """One readable sentence for the Web UI, free of personal data."""


class DeliverInput(Message):
    notification_id: UUID
    channel: Channel
    now: datetime


class DeliverOutcome(StrEnum):
    SENT = "sent"
    FAILED = "failed"
    SKIPPED = "skipped"
    CANCELLED = "cancelled"
    UNKNOWN = "unknown"
    HELD = "held"
    """An operator's pause holds it back; nothing was tried, and it stays open."""


class DeliverResult(Message):
    channel: Channel
    outcome: DeliverOutcome
    reason: str | None = None


class CancelInput(Message):
    notification_id: UUID


class CancelOutcome(StrEnum):
    CANCELLED = "cancelled"
    ALREADY_SENT = "already_sent"
    PARTIALLY_SENT = "partially_sent"
    ALREADY_FINAL = "already_final"


class CancelResult(Message):
    outcome: CancelOutcome


class MaintenanceInput(Message):
    step: MaintenanceStep


class MaintenanceOutcome(Message):
    done: dict[MaintenanceStep, int]
    """Rows each step concerned."""
    failed: tuple[MaintenanceStep, ...]


class FinishInput(Message):
    """Close what was held in reserve and is no longer needed."""

    notification_id: UUID
    reason: str
