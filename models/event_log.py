"""Everything that happened, in order."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, Column, Identity, Index, Text
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field, SQLModel

from models.columns import Timestamp


class EventRow(SQLModel, table=True):
    __tablename__ = "event_log"
    __table_args__ = (
        Index("idx_event_log_notification_id", "notification_id", "seq"),
        Index("idx_event_log_user_id_at", "user_id", "at"),
    )

    seq: int | None = Field(
        default=None, sa_column=Column(BigInteger, Identity(), primary_key=True)
    )
    type: str = Field(max_length=50)
    user_id: str = Field(sa_type=Text)
    notification_id: UUID | None = Field(default=None)
    channel: str | None = Field(default=None, max_length=20)
    detail: dict[str, Any] = Field(sa_type=JSONB)
    at: datetime = Field(sa_type=Timestamp)
