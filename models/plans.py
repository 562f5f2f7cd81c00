"""Every plan with the whole trace of its gates."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, Column, Identity
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field, SQLModel

from models.columns import Timestamp


class PlanRow(SQLModel, table=True):
    __tablename__ = "notification_plans"

    seq: int | None = Field(
        default=None, sa_column=Column(BigInteger, Identity(), primary_key=True)
    )
    notification_id: UUID = Field(foreign_key="notifications.id", index=True)
    at: datetime = Field(sa_type=Timestamp)
    trigger: str = Field(max_length=30)
    outcome: str = Field(max_length=20)
    plan: dict[str, Any] = Field(sa_type=JSONB)
