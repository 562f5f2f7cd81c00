"""Who read or dismissed which announcement; nobody has a row before that."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import Text
from sqlmodel import Field, SQLModel

from models.columns import Timestamp


class AnnouncementReadRow(SQLModel, table=True):
    __tablename__ = "announcement_reads"

    user_id: str = Field(primary_key=True, sa_type=Text, foreign_key="users.id")
    announcement_id: UUID = Field(primary_key=True, foreign_key="announcements.id")
    read_at: datetime = Field(sa_type=Timestamp)
    dismissed_at: datetime | None = Field(default=None, sa_type=Timestamp)
