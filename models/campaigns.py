"""Campaigns: the words, the audience, the schedule, and where each stands."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Index, SmallInteger, Text, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field, SQLModel

from models.columns import TextArray, Timestamp


class CampaignRow(SQLModel, table=True):
    __tablename__ = "campaigns"
    __table_args__ = (
        UniqueConstraint("parent_id", "occurs_at"),
        Index("idx_campaigns_created_at_id", text("created_at DESC"), text("id DESC")),
        Index("idx_campaigns_paused", "id", postgresql_where=text("status = 'paused'")),
        Index(
            "idx_campaigns_unstarted",
            "updated_at",
            postgresql_where=text("told_at IS NULL AND status NOT IN ('draft')"),
        ),
    )

    id: UUID = Field(primary_key=True)
    name: str = Field(sa_type=Text)
    type: str = Field(max_length=50)
    category: str = Field(max_length=20)
    channels: list[str] = Field(sa_type=TextArray)
    words: dict[str, Any] = Field(sa_type=JSONB)
    audience: dict[str, Any] = Field(sa_type=JSONB)
    schedule: dict[str, Any] | None = Field(default=None, sa_type=JSONB)
    rate: dict[str, Any] | None = Field(default=None, sa_type=JSONB)
    test: dict[str, Any] | None = Field(default=None, sa_type=JSONB)
    status: str = Field(max_length=20)
    resumes_as: str | None = Field(default=None, max_length=20)
    reason: str | None = Field(default=None, sa_type=Text)
    revision: int = Field(sa_column_kwargs={"server_default": text("0")})
    parent_id: UUID | None = Field(default=None, foreign_key="campaigns.id")
    occurs_at: datetime | None = Field(default=None, sa_type=Timestamp)
    priority: str = Field(
        default="low", max_length=20, sa_column_kwargs={"server_default": text("'low'")}
    )
    template_versions: dict[str, Any] = Field(
        sa_type=JSONB, sa_column_kwargs={"server_default": text("'{}'")}
    )
    recipients: int | None = Field(default=None)
    winner: int | None = Field(default=None, sa_type=SmallInteger)
    starts_at: datetime | None = Field(default=None, sa_type=Timestamp)
    started_at: datetime | None = Field(default=None, sa_type=Timestamp)
    completed_at: datetime | None = Field(default=None, sa_type=Timestamp)
    start_claimed_at: datetime | None = Field(default=None, sa_type=Timestamp)
    told_at: datetime | None = Field(default=None, sa_type=Timestamp)
    created_at: datetime = Field(sa_type=Timestamp)
    updated_at: datetime = Field(sa_type=Timestamp)
