"""Messages that count against limits."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import Index, Text
from sqlmodel import Field, SQLModel

from models.columns import Timestamp


class FrequencyUsageRow(SQLModel, table=True):
    __tablename__ = "frequency_usage"
    __table_args__ = (
        Index("idx_frequency_usage_user_id_at", "user_id", "at"),
        Index("idx_frequency_usage_notification_id", "notification_id"),
    )

    user_id: str = Field(primary_key=True, sa_type=Text)
    notification_id: UUID = Field(primary_key=True)
    channel: str = Field(primary_key=True, max_length=20)
    category: str = Field(max_length=20)
    at: datetime = Field(sa_type=Timestamp)
