"""Every answer ever given to a consent."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import Text
from sqlmodel import Field, SQLModel

from models.columns import Timestamp


class ConsentHistoryRow(SQLModel, table=True):
    __tablename__ = "consent_history"

    id: UUID = Field(primary_key=True)
    user_id: str = Field(sa_type=Text, foreign_key="users.id", index=True)
    type: str = Field(max_length=20)
    granted: bool
    source: str = Field(sa_type=Text)
    text: str | None = Field(default=None, sa_type=Text)
    at: datetime = Field(sa_type=Timestamp)
