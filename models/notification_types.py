"""The catalogue of types."""

from datetime import datetime, timedelta

from sqlalchemy import Interval, Text, text
from sqlmodel import Field, SQLModel

from models.columns import TextArray, Timestamp


class NotificationTypeRow(SQLModel, table=True):
    __tablename__ = "notification_types"

    type: str = Field(primary_key=True, max_length=50)
    category: str = Field(max_length=20)
    default_channels: list[str] = Field(sa_type=TextArray)
    default_priority: str = Field(max_length=20)
    default_strategy: str = Field(max_length=20)
    time_to_live: timedelta | None = Field(default=None, sa_type=Interval)
    digest_rule: str | None = Field(default=None, sa_type=Text)
    legally_transactional: bool = Field(sa_column_kwargs={"server_default": text("false")})
    track_opens: bool = Field(default=True, sa_column_kwargs={"server_default": text("true")})
    track_clicks: bool = Field(default=True, sa_column_kwargs={"server_default": text("true")})
    required_consent: str | None = Field(default=None, max_length=20)
    template_key: str | None = Field(default=None, sa_type=Text)
    description: str = Field(sa_type=Text, sa_column_kwargs={"server_default": text("''")})
    updated_at: datetime = Field(sa_type=Timestamp)
