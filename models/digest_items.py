"""What waits to be gathered into a digest; once it is in one, its notification says in which."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import Index, Text, text
from sqlmodel import Field, SQLModel

from models.columns import TextArray, Timestamp


class DigestItemRow(SQLModel, table=True):
    __tablename__ = "digest_items"
    __table_args__ = (
        Index("idx_digest_items_digest", "user_id", "digest_key", "ends_at"),
        Index("idx_digest_items_ends_at", "ends_at"),
        Index("idx_digest_items_untold", "stored_at", postgresql_where=text("told_at IS NULL")),
    )

    notification_id: UUID = Field(primary_key=True, foreign_key="notifications.id")
    user_id: str = Field(sa_type=Text)
    digest_key: str = Field(sa_type=Text)
    channels: list[str] = Field(sa_type=TextArray)
    ends_at: datetime = Field(sa_type=Timestamp)
    stored_at: datetime = Field(
        sa_column_kwargs={"server_default": text("now()")}, sa_type=Timestamp
    )
    told_at: datetime | None = Field(default=None, sa_type=Timestamp)
