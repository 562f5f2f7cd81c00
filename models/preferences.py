"""A user's choices. A channel's NULL means never chosen."""

from datetime import datetime
from typing import Any

from sqlalchemy import Text, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field, SQLModel

from models.columns import Timestamp


class PreferencesRow(SQLModel, table=True):
    __tablename__ = "user_notification_preferences"

    user_id: str = Field(primary_key=True, sa_type=Text, foreign_key="users.id")
    email_enabled: bool | None = Field(
        default=None, sa_column_kwargs={"server_default": text("true")}
    )
    sms_enabled: bool | None = Field(
        default=None, sa_column_kwargs={"server_default": text("false")}
    )
    push_enabled: bool | None = Field(
        default=None, sa_column_kwargs={"server_default": text("true")}
    )
    websocket_enabled: bool | None = Field(
        default=None, sa_column_kwargs={"server_default": text("true")}
    )
    frequency_settings: dict[str, Any] = Field(
        sa_type=JSONB, sa_column_kwargs={"server_default": text("'{}'")}
    )
    quiet_hours: dict[str, Any] = Field(
        sa_type=JSONB, sa_column_kwargs={"server_default": text("'{}'")}
    )
    category_preferences: dict[str, Any] = Field(
        sa_type=JSONB, sa_column_kwargs={"server_default": text("'{}'")}
    )
    language: str | None = Field(default=None, max_length=35)
    timezone: str | None = Field(default=None, max_length=50)
    optimize_timing: bool = Field(sa_column_kwargs={"server_default": text("false")})
    automatic_optimization: bool = Field(sa_column_kwargs={"server_default": text("false")})
    created_at: datetime = Field(
        sa_column_kwargs={"server_default": text("now()")}, sa_type=Timestamp
    )
    updated_at: datetime = Field(
        sa_column_kwargs={"server_default": text("now()")}, sa_type=Timestamp
    )
