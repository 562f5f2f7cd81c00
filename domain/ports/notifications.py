"""Notifications in the database: stored, found, changed, and claimed by relays."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from uuid import UUID

from domain.content import Content
from domain.enums import Channel, NotificationStatus
from domain.paging import Page, PageRequest
from domain.records.notifications import Notification, NotificationView, PlanRecord


@dataclass(frozen=True, slots=True)
class NotificationFilter:
    user_id: str | None = None
    type: str | None = None
    status: NotificationStatus | None = None
    channel: Channel | None = None
    created_after: datetime | None = None
    created_before: datetime | None = None


class NotificationRepository(Protocol):
    async def insert(self, items: Sequence[tuple[Notification, Content]]) -> None:
        """Stores rows, content encrypted with each user's key. All users must exist:
        raises `Invalid("unknown_user")` naming the first that does not."""

    async def get(self, notification_id: UUID) -> NotificationView | None: ...

    async def lock(self, notification_id: UUID) -> Notification | None:
        """The row, locked until the transaction ends: intent, cancel, amend and record
        serialise on it."""

    async def amend(self, notification: Notification, content: Content) -> None:
        """Overwrites what may be amended, and bumps `revision`. Call with the row locked."""

    async def set_status(
        self,
        notification_id: UUID,
        status: NotificationStatus,
        *,
        reason: str | None,
        until: datetime | None = None,
    ) -> None: ...

    async def request_cancel(self, notification_id: UUID, at: datetime) -> None: ...

    async def set_send_now(self, notification_id: UUID) -> None: ...

    async def reset_for_redrive(self, notification_id: UUID) -> int:
        """Status `accepted` again, `redrives` + 1 (returned), intent and cancel marks cleared."""

    async def list(
        self, where: NotificationFilter, page: PageRequest
    ) -> Page[NotificationView]: ...

    async def upcoming(self, user_id: str, page: PageRequest) -> Page[NotificationView]:
        """Open notifications of a user that wait for an instant, soonest first."""

    async def plans(self, notification_id: UUID) -> tuple[PlanRecord, ...]: ...

    async def claim_unstarted(
        self, *, older_than: datetime, again_before: datetime, limit: int
    ) -> tuple[tuple[UUID, int], ...]:
        """Ids and redrive counts of rows still `accepted` since before `older_than` and not
        claimed since `again_before`; marks them claimed. SKIP LOCKED: any number of relays."""

    async def mark_started(self, ids: Sequence[UUID]) -> None:
        """Temporal has taken these: the relay need not look at them for a while."""

    async def delete(self, ids: Sequence[UUID]) -> int:
        """Takes notifications out of their users' inboxes and lists. Returns how many."""
