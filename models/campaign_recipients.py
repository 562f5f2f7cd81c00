"""A campaign's accounts: one line per recipient and channel, in exactly one status."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import SmallInteger, Text, UniqueConstraint, text
from sqlmodel import Field, SQLModel

from models.columns import Timestamp


class CampaignRecipientRow(SQLModel, table=True):
    __tablename__ = "campaign_recipients"
    __table_args__ = (UniqueConstraint("user_id", "campaign_id", "channel"),)

    campaign_id: UUID = Field(primary_key=True, foreign_key="campaigns.id")
    ordinal: int = Field(primary_key=True)
    user_id: str = Field(sa_type=Text)
    channel: str = Field(max_length=20)
    status: str = Field(max_length=10)
    variant: int | None = Field(default=None, sa_type=SmallInteger)
    due_at: datetime | None = Field(default=None, sa_type=Timestamp)
    reason: str | None = Field(default=None, sa_type=Text)
    failures: int = Field(sa_type=SmallInteger, sa_column_kwargs={"server_default": text("0")})
    provider: str | None = Field(default=None, sa_type=Text)
    provider_message_id: str | None = Field(default=None, sa_type=Text)
    sent_at: datetime | None = Field(default=None, sa_type=Timestamp)
    notification_id: UUID | None = Field(default=None)
    outcome: str | None = Field(default=None, max_length=12)
    outcome_at: datetime | None = Field(default=None, sa_type=Timestamp)
    opened_at: datetime | None = Field(default=None, sa_type=Timestamp)
    clicked_at: datetime | None = Field(default=None, sa_type=Timestamp)
    unsubscribed_at: datetime | None = Field(default=None, sa_type=Timestamp)
