"""What waiting workflows are still to be told."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import Index
from sqlmodel import Field, SQLModel

from models.columns import Timestamp


class WorkflowSignalRow(SQLModel, table=True):
    __tablename__ = "workflow_signals"
    __table_args__ = (Index("idx_workflow_signals_created_at", "created_at"),)

    id: UUID = Field(primary_key=True)
    notification_id: UUID = Field(foreign_key="notifications.id")
    redrives: int
    kind: str = Field(max_length=30)
    created_at: datetime = Field(sa_type=Timestamp)
    claimed_at: datetime | None = Field(default=None, sa_type=Timestamp)
