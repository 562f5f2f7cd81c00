"""A person notifications go to. Address columns are sealed with the user's key."""

from datetime import datetime

from sqlalchemy import Text, text
from sqlmodel import Field, SQLModel

from models.columns import Timestamp


class UserRow(SQLModel, table=True):
    __tablename__ = "users"

    id: str = Field(primary_key=True, sa_type=Text)
    email: str | None = Field(default=None, sa_type=Text)
    email_hash: str | None = Field(default=None, sa_type=Text, index=True)
    email_verified: bool = Field(sa_column_kwargs={"server_default": text("false")})
    phone: str | None = Field(default=None, sa_type=Text)
    phone_hash: str | None = Field(default=None, sa_type=Text, index=True)
    phone_country: str | None = Field(default=None, sa_type=Text)
    name: str | None = Field(default=None, sa_type=Text)
    attributes: str | None = Field(default=None, sa_type=Text)
    locale: str | None = Field(default=None, sa_type=Text)
    timezone: str | None = Field(default=None, sa_type=Text)
    country: str | None = Field(default=None, sa_type=Text)
    created_at: datetime = Field(sa_type=Timestamp)
    updated_at: datetime = Field(sa_type=Timestamp)
    deleted_at: datetime | None = Field(default=None, sa_type=Timestamp)
