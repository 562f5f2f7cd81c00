"""The last accounts of campaigns whose recipients are no longer kept."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field, SQLModel

from models.columns import Timestamp


class CampaignSummaryRow(SQLModel, table=True):
    __tablename__ = "campaign_summaries"

    campaign_id: UUID = Field(primary_key=True, foreign_key="campaigns.id")
    counts: dict[str, Any] = Field(sa_type=JSONB)
    made_at: datetime = Field(sa_type=Timestamp)
    emptied_at: datetime | None = Field(default=None, sa_type=Timestamp)
