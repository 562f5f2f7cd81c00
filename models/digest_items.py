"""What waits to be gathered into a digest, and what was."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import Index, Text, text
from sqlmodel import Field, SQLModel

from models.columns import TextArray, Timestamp

_WAITING = text("digest_id IS NULL")


class DigestItemRow(SQLModel, table=True):
    __tablename__ = "digest_items"
    __table_args__ = (
        Index(
            "idx_digest_items_waiting",
            "user_id",
            "digest_key",
            "ends_at",
            postgresql_where=_WAITING,
        ),
        Index("idx_digest_items_due", "ends_at", postgresql_where=_WAITING),
        Index(
            "idx_digest_items_untold",
            "stored_at",
            postgresql_where=text("digest_id IS NULL AND told_at IS NULL"),
        ),
        Index("idx_digest_items_digest_id", "digest_id"),
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
    digest_id: UUID | None = Field(default=None)
