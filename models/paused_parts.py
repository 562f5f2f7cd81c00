"""Channels and providers an operator paused."""

from datetime import datetime

from sqlalchemy import Text, text
from sqlmodel import Field, SQLModel

from models.columns import Timestamp


class PausedPartRow(SQLModel, table=True):
    __tablename__ = "paused_parts"

    name: str = Field(primary_key=True, sa_type=Text)
    at: datetime = Field(sa_type=Timestamp)
    divert: bool = Field(default=False, sa_column_kwargs={"server_default": text("false")})
