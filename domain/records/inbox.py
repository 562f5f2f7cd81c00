"""What a user's in-app inbox holds."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from domain.records.notifications import NotificationView


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
