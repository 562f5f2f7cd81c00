"""Opens, clicks, reads and the like, of notifications and campaigns: a partition a month."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, Column, Index, Text, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field, SQLModel

from models.columns import Timestamp


class EngagementEventRow(SQLModel, table=True):
    __tablename__ = "user_engagement_events"
    __table_args__ = (
        Index("idx_user_engagement_events_user_id_created_at", "user_id", text("created_at DESC")),
        CheckConstraint(
            "notification_id IS NOT NULL OR campaign_id IS NOT NULL",
            name="user_engagement_events_about",
        ),
        {"postgresql_partition_by": "RANGE (created_at)"},
    )

    id: UUID = Field(
        primary_key=True, sa_column_kwargs={"server_default": text("gen_random_uuid()")}
    )
    user_id: str = Field(sa_type=Text, foreign_key="users.id")
    notification_id: UUID | None = Field(default=None, foreign_key="notifications.id")
    campaign_id: UUID | None = Field(default=None)
    """Without a foreign key, for which thousands at a time would lock the campaign's one row."""
    event_type: str = Field(max_length=20)
    channel: str = Field(max_length=20)
    event_metadata: dict[str, Any] | None = Field(default=None, sa_column=Column("metadata", JSONB))
    created_at: datetime = Field(
        primary_key=True, sa_type=Timestamp, sa_column_kwargs={"server_default": text("now()")}
    )
