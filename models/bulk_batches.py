"""Batches that a `BulkWorkflow` still has to deliver; a row goes when its batch is done."""

from datetime import datetime
from typing import Any, cast
from uuid import UUID

from sqlalchemy import Uuid
from sqlalchemy.dialects.postgresql import ARRAY
from sqlmodel import Field, SQLModel

from models.columns import Timestamp

_UuidArray = cast(type[Any], ARRAY(Uuid))


class BulkBatchRow(SQLModel, table=True):
    __tablename__ = "bulk_batches"

    id: UUID = Field(primary_key=True)
    notification_ids: list[UUID] = Field(sa_type=_UuidArray)
    start_claimed_at: datetime | None = Field(default=None, sa_type=Timestamp)
    created_at: datetime = Field(sa_type=Timestamp)
