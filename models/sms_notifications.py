"""What an SMS of a notification was; number and text sealed."""

from uuid import UUID

from sqlalchemy import Text
from sqlmodel import Field, SQLModel


class SmsNotificationRow(SQLModel, table=True):
    __tablename__ = "sms_notifications"

    notification_id: UUID = Field(primary_key=True, foreign_key="notifications.id")
    phone_number: str = Field(sa_type=Text)
    message: str = Field(sa_type=Text)
    country_code: str = Field(max_length=5)
    character_count: int
    opt_out_instructions: str | None = Field(default=None, sa_type=Text)
