"""SMS sent to a number, whoever they were for; they count against the number's limits."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import Index, Text
from sqlmodel import Field, SQLModel

from models.columns import Timestamp


class SmsNumberUsageRow(SQLModel, table=True):
    __tablename__ = "sms_number_usage"
    __table_args__ = (
        Index("idx_sms_number_usage_at", "number_hash", "at"),
        Index("idx_sms_number_usage_notification_id", "notification_id"),
    )

    number_hash: str = Field(primary_key=True, sa_type=Text)
    notification_id: UUID = Field(primary_key=True)
    at: datetime = Field(sa_type=Timestamp)
