"""One notification. Title, content, data and options are sealed."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Index, Interval, Text, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field, SQLModel

from models.columns import TextArray, Timestamp


class NotificationRow(SQLModel, table=True):
    __tablename__ = "notifications"
    __table_args__ = (
        Index("idx_notifications_user_id_created_at", "user_id", text("created_at DESC")),
        Index("idx_notifications_type_scheduled_at", "type", "scheduled_at"),
        Index("idx_notifications_created_at_id", text("created_at DESC"), text("id DESC")),
        Index(
            "idx_notifications_unstarted",
            "created_at",
            # What a batch has is not a relay's to start.
            postgresql_where=text(
                "status = 'accepted' AND start_claimed_at IS DISTINCT FROM 'infinity'"
            ),
        ),
        Index(
            "idx_notifications_waiting",
            "user_id",
            postgresql_where=text("status IN ('accepted', 'scheduled', 'processing')"),
        ),
    )

    id: UUID = Field(
        primary_key=True, sa_column_kwargs={"server_default": text("gen_random_uuid()")}
    )
    user_id: str = Field(sa_type=Text, foreign_key="users.id")
    type: str = Field(max_length=50)
    category: str = Field(max_length=20)
    title: str | None = Field(default=None, sa_type=Text)
    content: str | None = Field(default=None, sa_type=Text)
    data: dict[str, Any] | None = Field(default=None, sa_type=JSONB)
    options: str | None = Field(default=None, sa_type=Text)
    priority: str = Field(max_length=20, sa_column_kwargs={"server_default": text("'medium'")})
    channels: list[str] = Field(sa_type=TextArray)
    strategy: str = Field(max_length=20)
    status: str = Field(max_length=20)
    reason: str | None = Field(default=None, sa_type=Text)
    until: datetime | None = Field(default=None, sa_type=Timestamp)
    escalate_after: timedelta | None = Field(default=None, sa_type=Interval)
    scheduled_at: datetime | None = Field(default=None, sa_type=Timestamp)
    expires_at: datetime | None = Field(default=None, sa_type=Timestamp)
    dedup_key: str | None = Field(default=None, sa_type=Text)
    digest_key: str | None = Field(default=None, sa_type=Text)
    content_hash: str = Field(sa_type=Text)
    template_key: str | None = Field(default=None, sa_type=Text)
    template_version: int | None = Field(default=None)
    template_locale: str | None = Field(default=None, sa_type=Text)
    send_now: bool = Field(sa_column_kwargs={"server_default": text("false")})
    revision: int = Field(sa_column_kwargs={"server_default": text("0")})
    redrives: int = Field(sa_column_kwargs={"server_default": text("0")})
    first_intent_at: datetime | None = Field(default=None, sa_type=Timestamp)
    cancel_requested_at: datetime | None = Field(default=None, sa_type=Timestamp)
    read_at: datetime | None = Field(default=None, sa_type=Timestamp)
    deleted_at: datetime | None = Field(default=None, sa_type=Timestamp)
    digest_id: UUID | None = Field(default=None)
    start_claimed_at: datetime | None = Field(default=None, sa_type=Timestamp)
    created_at: datetime = Field(
        sa_column_kwargs={"server_default": text("now()")}, sa_type=Timestamp
    )
    updated_at: datetime = Field(
        sa_column_kwargs={"server_default": text("now()")}, sa_type=Timestamp
    )
