"""Lists of users uploaded for campaigns; the counts are those of the upload."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import Index
from sqlmodel import Field, SQLModel

from models.columns import Timestamp


class AudienceListRow(SQLModel, table=True):
    __tablename__ = "audience_lists"
    __table_args__ = (Index("idx_audience_lists_created_at", "created_at", "id"),)

    id: UUID = Field(primary_key=True)
    name: str = Field(max_length=255)
    accepted: int
    duplicates: int
    rejected: int
    created_at: datetime = Field(sa_type=Timestamp)
