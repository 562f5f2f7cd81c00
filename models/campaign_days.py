"""How many messages of a campaign's warm-up day have left, or are leaving."""

from uuid import UUID

from sqlmodel import Field, SQLModel


class CampaignDayRow(SQLModel, table=True):
    __tablename__ = "campaign_days"

    campaign_id: UUID = Field(primary_key=True, foreign_key="campaigns.id")
    day: int = Field(primary_key=True)
    messages: int
