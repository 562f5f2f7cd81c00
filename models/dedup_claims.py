"""Which notification holds a content for a user."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import Text
from sqlmodel import Field, SQLModel

from models.columns import Timestamp


class DedupClaimRow(SQLModel, table=True):
    __tablename__ = "dedup_claims"

    user_id: str = Field(primary_key=True, sa_type=Text)
    content_hash: str = Field(primary_key=True, sa_type=Text)
    notification_id: UUID
    claimed_at: datetime = Field(sa_type=Timestamp)
