"""A user's inbox; seq grows by one with each. Words are sealed."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import BigInteger, Text, UniqueConstraint
from sqlmodel import Field, SQLModel

from models.columns import Timestamp


class InboxItemRow(SQLModel, table=True):
    __tablename__ = "inbox_items"
    __table_args__ = (UniqueConstraint("notification_id"),)

    user_id: str = Field(primary_key=True, sa_type=Text, foreign_key="users.id")
    seq: int = Field(primary_key=True, sa_type=BigInteger)
    notification_id: UUID = Field(foreign_key="notifications.id")
    title: str | None = Field(default=None, sa_type=Text)
    body: str | None = Field(default=None, sa_type=Text)
    created_at: datetime = Field(sa_type=Timestamp)
    read_at: datetime | None = Field(default=None, sa_type=Timestamp)
    deleted_at: datetime | None = Field(default=None, sa_type=Timestamp)
