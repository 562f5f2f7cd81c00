"""Addresses nothing is sent to; the address is sealed, its hash finds it."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import Text, UniqueConstraint
from sqlmodel import Field, SQLModel

from models.columns import Timestamp


class SuppressionRow(SQLModel, table=True):
    __tablename__ = "suppressions"
    __table_args__ = (UniqueConstraint("channel", "address_hash"),)

    id: UUID = Field(primary_key=True)
    channel: str = Field(max_length=20)
    address_hash: str = Field(sa_type=Text)
    address: str | None = Field(default=None, sa_type=Text)
    user_id: str | None = Field(default=None, sa_type=Text)
    reason: str = Field(sa_type=Text)
    source: str = Field(sa_type=Text)
    created_at: datetime = Field(sa_type=Timestamp)
    expires_at: datetime | None = Field(default=None, sa_type=Timestamp)
