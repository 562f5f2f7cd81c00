"""Announcements. Their words are for many, so no user's key seals them."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, Index, Text, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field, SQLModel

from models.columns import TextArray, Timestamp


class AnnouncementRow(SQLModel, table=True):
    __tablename__ = "announcements"
    __table_args__ = (
        Index("idx_announcements_created_at_id", text("created_at DESC"), text("id DESC")),
        Index("idx_announcements_version", "version", unique=True),
        Index(
            "idx_announcements_open",
            "starts_at",
            postgresql_where=text("status IN ('scheduled', 'active')"),
        ),
        Index(
            "idx_announcements_untold",
            "untold_since",
            postgresql_where=text("untold_since IS NOT NULL"),
        ),
    )

    id: UUID = Field(primary_key=True)
    title: str = Field(sa_type=Text)
    content: str = Field(sa_type=Text)
    data: dict[str, Any] = Field(sa_type=JSONB)
    audience: dict[str, Any] = Field(sa_type=JSONB)
    channels: list[str] = Field(sa_type=TextArray)
    priority: str = Field(max_length=20)
    starts_at: datetime = Field(sa_type=Timestamp)
    ends_at: datetime | None = Field(default=None, sa_type=Timestamp)
    status: str = Field(max_length=20)
    revision: int = Field(sa_column_kwargs={"server_default": text("0")})
    version: int | None = Field(default=None, sa_type=BigInteger)
    published_version: int | None = Field(default=None, sa_type=BigInteger)
    untold_since: datetime | None = Field(default=None, sa_type=Timestamp)
    claimed_at: datetime | None = Field(default=None, sa_type=Timestamp)
    sent_at: datetime | None = Field(default=None, sa_type=Timestamp)
    created_at: datetime = Field(sa_type=Timestamp)
    updated_at: datetime = Field(sa_type=Timestamp)
