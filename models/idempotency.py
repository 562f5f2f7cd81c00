"""What an Idempotency-Key was used for; the answer is sealed."""

from datetime import datetime

from sqlalchemy import Index, Text
from sqlmodel import Field, SQLModel

from models.columns import Timestamp


class IdempotencyRow(SQLModel, table=True):
    __tablename__ = "idempotency_records"
    __table_args__ = (Index("idx_idempotency_records_created_at", "created_at"),)

    scope: str = Field(primary_key=True, sa_type=Text)
    key: str = Field(primary_key=True, sa_type=Text)
    body_hash: str = Field(sa_type=Text)
    resource_id: str | None = Field(default=None, sa_type=Text)
    response_status: int | None = Field(default=None)
    response_body: str | None = Field(default=None, sa_type=Text)
    created_at: datetime = Field(sa_type=Timestamp)
