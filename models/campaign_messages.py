"""Which recipient of which campaign a vendor's message id stands for."""

from uuid import UUID

from sqlalchemy import Text
from sqlmodel import Field, SQLModel


class CampaignMessageRow(SQLModel, table=True):
    __tablename__ = "campaign_messages"

    provider_message_id: str = Field(primary_key=True, sa_type=Text)
    campaign_id: UUID
    ordinal: int
