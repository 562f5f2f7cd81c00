"""Every provider call and how it ended."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import Text
from sqlmodel import Field, SQLModel

from models.columns import Timestamp


class DeliveryAttemptRow(SQLModel, table=True):
    __tablename__ = "delivery_attempts"

    id: UUID = Field(primary_key=True)
    delivery_id: UUID = Field(
        foreign_key="notification_deliveries.id", ondelete="CASCADE", index=True
    )
    number: int
    provider: str | None = Field(default=None, sa_type=Text)
    outcome: str = Field(max_length=20)
    provider_message_id: str | None = Field(default=None, sa_type=Text)
    error_code: str | None = Field(default=None, sa_type=Text)
    error_message: str | None = Field(default=None, sa_type=Text)
    next_attempt_at: datetime | None = Field(default=None, sa_type=Timestamp)
    at: datetime = Field(sa_type=Timestamp)
