"""Channels and providers an operator paused."""

from datetime import datetime

from sqlalchemy import Text
from sqlmodel import Field, SQLModel

from models.columns import Timestamp


class PausedPartRow(SQLModel, table=True):
    __tablename__ = "paused_parts"

    name: str = Field(primary_key=True, sa_type=Text)
    at: datetime = Field(sa_type=Timestamp)
