"""What a plan reads, and what it writes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol
from uuid import UUID

from domain.enums import Channel, ConsentType, DeliveryStatus, NotificationStatus, PlanTrigger
from domain.facts import Reach, Usage
from domain.plan_types import Plan
from domain.preferences import Preferences
from domain.records.catalogue import NotificationType
from domain.records.events import Event
from domain.records.notifications import Delivery, Notification


@dataclass(frozen=True, slots=True)
class PlanningSnapshot:
    """All a plan needs, read in one go."""

    notification: Notification
    deliveries: tuple[Delivery, ...]
    type: NotificationType
    preferences: Preferences
    user_timezone: str | None
    user_country: str | None
    consents: Mapping[ConsentType, bool]
    subscription: frozenset[Channel] | None
    reach: Mapping[Channel, Reach]
    phone_hash: str | None
    """What SMS to the user's number are counted by."""
    device_ids: tuple[UUID, ...]
    paused: frozenset[str]
    """What is held back: `channel:sms`, `provider:twilio`, or `campaign`, the one it is part of."""
    gathered_until: datetime | None = None
    """The end of the window in which it waits for a digest; None when it does not."""


@dataclass(frozen=True, slots=True)
class PlannedDelivery:
    """A ledger line as a plan wants it: inserted, or moved if still open."""

    id: UUID
    channel: Channel
    target: str
    status: DeliveryStatus
    reason: str | None
    until: datetime | None


@dataclass(frozen=True, slots=True)
class PlanDraft:
    """A plan with its consequences, not written yet."""

    notification: Notification
    plan: Plan
    trigger: PlanTrigger
    at: datetime
    status: NotificationStatus
    reason: str | None
    until: datetime | None
    deliveries: tuple[PlannedDelivery, ...]
    events: tuple[Event, ...]


class PlanningRepository(Protocol):
    async def load(self, notification_id: UUID) -> PlanningSnapshot | None: ...

    async def claim_content(self, notification: Notification, window: timedelta) -> UUID | None:
        """Claims (user, content hash) for this notification. None when it is the holder;
        otherwise the id of the earlier notification that holds it within `window`. A holder
        that was cancelled, skipped, failed or expired gives way."""

    async def lock_usage(self, user_id: str) -> None:
        """Serialises plans of one user, so that limits are exact under concurrency."""

    async def usage(self, user_id: str, since: datetime, without: UUID) -> tuple[Usage, ...]: ...

    async def reserve_usage(self, user_id: str, usage: Sequence[Usage]) -> None:
        """Counts these messages against limits; a second call for the same one does nothing."""

    async def release_usage(self, notification_id: UUID, channels: Sequence[Channel]) -> None: ...

    async def save(self, draft: PlanDraft) -> bool:
        """Writes the plan's consequences. False, and nothing written, when the notification was
        cancelled, amended (other `revision`) or ended meanwhile."""
