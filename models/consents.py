"""The present answer to each consent."""

from datetime import datetime

from sqlalchemy import Text
from sqlmodel import Field, SQLModel

from models.columns import Timestamp


class ConsentRow(SQLModel, table=True):
    __tablename__ = "consents"

    user_id: str = Field(primary_key=True, sa_type=Text, foreign_key="users.id")
    type: str = Field(primary_key=True, max_length=20)
    granted: bool
    source: str = Field(sa_type=Text)
    text: str | None = Field(default=None, sa_type=Text)
    at: datetime = Field(sa_type=Timestamp)
