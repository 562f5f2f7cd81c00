"""A/B tests, and what their workflows have yet to be told."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Index, Interval, Text, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field, SQLModel

from models.columns import Timestamp


class ABTestRow(SQLModel, table=True):
    __tablename__ = "ab_tests"
    __table_args__ = (
        Index("idx_ab_tests_created_at_id", text("created_at DESC"), text("id DESC")),
        Index(
            "idx_ab_tests_workflow_call",
            "updated_at",
            postgresql_where=text("workflow_call IS NOT NULL"),
        ),
    )

    id: UUID = Field(primary_key=True)
    name: str = Field(max_length=255)
    type: str | None = Field(default=None, max_length=50)
    status: str = Field(max_length=20)
    variants: list[dict[str, Any]] = Field(sa_type=JSONB)
    fraction: float
    metric: str = Field(max_length=20)
    decide_after: timedelta | None = Field(default=None, sa_type=Interval)
    winner_mode: str = Field(max_length=20)
    winner: str | None = Field(default=None, sa_type=Text)
    decision: dict[str, Any] | None = Field(default=None, sa_type=JSONB)
    started_at: datetime | None = Field(default=None, sa_type=Timestamp)
    decide_at: datetime | None = Field(default=None, sa_type=Timestamp)
    ended_at: datetime | None = Field(default=None, sa_type=Timestamp)
    workflow_call: str | None = Field(default=None, max_length=10)
    call_claimed_at: datetime | None = Field(default=None, sa_type=Timestamp)
    created_at: datetime = Field(sa_type=Timestamp)
    updated_at: datetime = Field(sa_type=Timestamp)
