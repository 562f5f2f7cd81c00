"""A person notifications go to. Addresses and the name are sealed with the user's key; attributes
lie in the open, as segments compare them."""

from datetime import datetime
from typing import Any

from sqlalchemy import Index, Text, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field, SQLModel

from models.columns import Timestamp


class UserRow(SQLModel, table=True):
    __tablename__ = "users"
    __table_args__ = (
        Index(
            "idx_users_attributes",
            "attributes",
            postgresql_using="gin",
            postgresql_ops={"attributes": "jsonb_path_ops"},
        ),
    )

    id: str = Field(primary_key=True, sa_type=Text)
    email: str | None = Field(default=None, sa_type=Text)
    email_hash: str | None = Field(default=None, sa_type=Text, index=True)
    email_verified: bool = Field(sa_column_kwargs={"server_default": text("false")})
    phone: str | None = Field(default=None, sa_type=Text)
    phone_hash: str | None = Field(default=None, sa_type=Text, index=True)
    phone_country: str | None = Field(default=None, sa_type=Text)
    name: str | None = Field(default=None, sa_type=Text)
    attributes: dict[str, Any] = Field(
        sa_type=JSONB, sa_column_kwargs={"server_default": text("'{}'")}
    )
    locale: str | None = Field(default=None, sa_type=Text)
    timezone: str | None = Field(default=None, sa_type=Text)
    country: str | None = Field(default=None, sa_type=Text)
    created_at: datetime = Field(sa_type=Timestamp)
    updated_at: datetime = Field(sa_type=Timestamp)
    deleted_at: datetime | None = Field(default=None, sa_type=Timestamp)
