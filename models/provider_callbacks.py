"""Vendors' callbacks as they came, verified, sealed, and kept so that they can be applied again."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import Index, Text, UniqueConstraint, text
from sqlmodel import Field, SQLModel

from models.columns import Timestamp


class ProviderCallbackRow(SQLModel, table=True):
    __tablename__ = "provider_callbacks"
    __table_args__ = (
        UniqueConstraint("provider", "digest"),
        Index(
            "idx_provider_callbacks_waiting",
            "received_at",
            postgresql_where=text("status = 'received'"),
        ),
    )

    id: UUID = Field(primary_key=True)
    provider: str = Field(max_length=40)
    digest: str = Field(sa_type=Text)
    body: str = Field(sa_type=Text)
    status: str = Field(max_length=20)
    attempts: int = Field(default=0, sa_column_kwargs={"server_default": text("0")})
    error: str | None = Field(default=None, sa_type=Text)
    received_at: datetime = Field(sa_type=Timestamp)
    claimed_at: datetime | None = Field(default=None, sa_type=Timestamp)
    applied_at: datetime | None = Field(default=None, sa_type=Timestamp)
