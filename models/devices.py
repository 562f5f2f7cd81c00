"""A device that takes push messages; the token is sealed."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import Text, UniqueConstraint
from sqlmodel import Field, SQLModel

from models.columns import Timestamp


class DeviceRow(SQLModel, table=True):
    __tablename__ = "user_devices"
    __table_args__ = (UniqueConstraint("token_hash"),)

    id: UUID = Field(primary_key=True)
    user_id: str = Field(sa_type=Text, foreign_key="users.id", index=True)
    token: str = Field(sa_type=Text)
    token_hash: str = Field(sa_type=Text)
    platform: str = Field(max_length=10)
    provider: str = Field(max_length=20)
    app_version: str | None = Field(default=None, sa_type=Text)
    locale: str | None = Field(default=None, sa_type=Text)
    created_at: datetime = Field(sa_type=Timestamp)
    last_seen_at: datetime = Field(sa_type=Timestamp)
