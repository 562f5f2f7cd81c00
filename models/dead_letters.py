"""Final failures that wait for a person."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import Index, Text, text
from sqlmodel import Field, SQLModel

from models.columns import Timestamp


class DeadLetterRow(SQLModel, table=True):
    __tablename__ = "dead_letters"
    __table_args__ = (
        Index("idx_dead_letters_status_created_at", "status", text("created_at DESC")),
        Index(
            "idx_dead_letters_one_open",
            "notification_id",
            text("coalesce(delivery_id::text, channel)"),
            unique=True,
            postgresql_where=text("status = 'open'"),
        ),
    )

    id: UUID = Field(primary_key=True)
    notification_id: UUID = Field(foreign_key="notifications.id", index=True)
    delivery_id: UUID | None = Field(default=None)
    user_id: str = Field(sa_type=Text)
    type: str = Field(max_length=50)
    channel: str | None = Field(default=None, max_length=20)
    provider: str | None = Field(default=None, sa_type=Text)
    code: str = Field(sa_type=Text)
    message: str = Field(sa_type=Text)
    status: str = Field(max_length=20, sa_column_kwargs={"server_default": text("'open'")})
    created_at: datetime = Field(sa_type=Timestamp)
    resolved_at: datetime | None = Field(default=None, sa_type=Timestamp)
