"""The intents of a campaign: one line per provider call, written before it."""

from datetime import datetime
from typing import Any, cast
from uuid import UUID

from sqlalchemy import Index, Integer, SmallInteger, Text, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlmodel import Field, SQLModel

from models.columns import Timestamp


class CampaignBatchRow(SQLModel, table=True):
    __tablename__ = "campaign_batches"
    __table_args__ = (
        Index(
            "idx_campaign_batches_open",
            "campaign_id",
            "chunk",
            postgresql_where=text("status = 'open'"),
        ),
        Index("idx_campaign_batches_campaign_id_chunk", "campaign_id", "chunk"),
    )

    id: UUID = Field(primary_key=True)
    campaign_id: UUID = Field(foreign_key="campaigns.id")
    chunk: int
    provider: str = Field(sa_type=Text)
    ordinals: list[int] = Field(sa_type=cast(type[Any], ARRAY(Integer)))
    status: str = Field(max_length=10)
    intent_at: datetime = Field(sa_type=Timestamp)
    in_doubt: bool = Field(sa_column_kwargs={"server_default": text("false")})
    done_at: datetime | None = Field(default=None, sa_type=Timestamp)
    day: int | None = Field(default=None, sa_type=SmallInteger)
