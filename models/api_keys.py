"""Keys of callers; only their hash is kept."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import Text, UniqueConstraint
from sqlmodel import Field, SQLModel

from models.columns import TextArray, Timestamp


class ApiKeyRow(SQLModel, table=True):
    __tablename__ = "api_keys"
    __table_args__ = (UniqueConstraint("secret_hash"),)

    id: UUID = Field(primary_key=True)
    name: str = Field(sa_type=Text)
    prefix: str = Field(sa_type=Text)
    secret_hash: str = Field(sa_type=Text)
    scopes: list[str] = Field(sa_type=TextArray)
    rate_limit: int | None = Field(default=None)
    created_at: datetime = Field(sa_type=Timestamp)
    expires_at: datetime | None = Field(default=None, sa_type=Timestamp)
    revoked_at: datetime | None = Field(default=None, sa_type=Timestamp)
    last_used_at: datetime | None = Field(default=None, sa_type=Timestamp)
