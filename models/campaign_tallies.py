"""What changed in a campaign's lines, added by triggers; the sum is its accounts.

Rows are only added, and many become one with the same sum now and then.
"""

from datetime import datetime
from uuid import UUID

from sqlalchemy import BigInteger, Column, Identity, Index, SmallInteger, Text
from sqlmodel import Field, SQLModel

from models.columns import Timestamp


class CampaignTallyRow(SQLModel, table=True):
    __tablename__ = "campaign_tallies"
    __table_args__ = (Index("idx_campaign_tallies_campaign_id", "campaign_id"),)

    id: int | None = Field(default=None, sa_column=Column(BigInteger, Identity(), primary_key=True))
    campaign_id: UUID = Field(foreign_key="campaigns.id")
    status: str = Field(max_length=10)
    reason: str | None = Field(default=None, sa_type=Text)
    variant: int | None = Field(default=None, sa_type=SmallInteger)
    due_at: datetime | None = Field(default=None, sa_type=Timestamp)
    """Of lines that are pending: the minute by which they are due."""
    lines: int
    delivered: int
    bounced: int
    complained: int
    opened: int
    clicked: int
    unsubscribed: int
    first_sent_at: datetime | None = Field(default=None, sa_type=Timestamp)
    last_sent_at: datetime | None = Field(default=None, sa_type=Timestamp)
    at: datetime = Field(sa_type=Timestamp)
