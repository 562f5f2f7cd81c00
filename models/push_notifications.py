"""What a push of a notification was."""

from typing import Any
from uuid import UUID

from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field, SQLModel


class PushNotificationRow(SQLModel, table=True):
    __tablename__ = "push_notifications"

    notification_id: UUID = Field(primary_key=True, foreign_key="notifications.id")
    badge: int | None = Field(default=None)
    sound: str | None = Field(default=None, max_length=100)
    actions: list[Any] | None = Field(default=None, sa_type=JSONB)
    image_url: str | None = Field(default=None, max_length=500)
    click_action: str | None = Field(default=None, max_length=500)
