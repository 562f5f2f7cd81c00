"""Channels a user chose for a type; none means unsubscribed."""

from datetime import datetime

from sqlalchemy import Text
from sqlmodel import Field, SQLModel

from models.columns import TextArray, Timestamp


class SubscriptionRow(SQLModel, table=True):
    __tablename__ = "subscriptions"

    user_id: str = Field(primary_key=True, sa_type=Text, foreign_key="users.id")
    type: str = Field(primary_key=True, max_length=50)
    channels: list[str] = Field(sa_type=TextArray)
    updated_at: datetime = Field(sa_type=Timestamp)
