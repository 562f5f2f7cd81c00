"""Announcements as callers make them and as readers find them in the inbox."""

from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from pydantic import Field, JsonValue

from api.schemas.common import Paged
from domain.announcements.shapes import (
    Announcement,
    AnnouncementStatus,
    InboxAnnouncement,
    status_at,
)
from domain.base import Wire
from domain.enums import Category, Channel, Priority


class AnnouncementOut(Wire):
    id: UUID
    title: str
    content: str
    data: dict[str, JsonValue]
    audience: dict[str, JsonValue] = Field(
        description='`{"everyone": true}`, `{"userIds": […]}`, `{"list": …}` or `{"segment": {…}}`.'
    )
    channels: list[Channel]
    priority: Priority
    starts_at: datetime
    ends_at: datetime | None
    status: AnnouncementStatus
    revision: int = Field(description="Counts edits.")
    campaign_id: UUID | None = Field(
        description="The campaign that sends it on other channels than the inbox, once it does."
    )
    created_at: datetime
    updated_at: datetime

    @staticmethod
    def of(item: Announcement, now: datetime) -> "AnnouncementOut":
        return AnnouncementOut(
            id=item.id,
            title=item.title,
            content=item.content,
            data=dict(item.data),
            audience=item.audience.wire(),
            channels=list(item.channels),
            priority=item.priority,
            starts_at=item.starts_at,
            ends_at=item.ends_at,
            status=status_at(item, now),
            revision=item.revision,
            campaign_id=item.campaign_id,
            created_at=item.created_at,
            updated_at=item.updated_at,
        )


class AnnouncementQuery(Paged):
    status: AnnouncementStatus | None = None


class InboxAnnouncementOut(Wire):
    """An announcement among a user's items. It has no `seq`."""

    id: UUID
    user_id: str
    type: Literal["announcement"] = "announcement"
    category: Category = Category.ANNOUNCEMENTS
    title: str
    content: str
    data: dict[str, Any]
    priority: Priority
    starts_at: datetime
    ends_at: datetime | None
    revision: int
    seq: None = None
    created_at: datetime
    updated_at: datetime
    read_at: datetime | None

    @staticmethod
    def of(user_id: str, row: InboxAnnouncement) -> "InboxAnnouncementOut":
        item = row.announcement
        return InboxAnnouncementOut(
            id=item.id,
            user_id=user_id,
            title=item.title,
            content=item.content,
            data=dict(item.data),
            priority=item.priority,
            starts_at=item.starts_at,
            ends_at=item.ends_at,
            revision=item.revision,
            created_at=item.created_at,
            updated_at=item.updated_at,
            read_at=row.read_at,
        )
