"""Counts per notification and channel, a partition a month."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import Index, text
from sqlmodel import Field, SQLModel

from models.columns import Timestamp


class NotificationMetricRow(SQLModel, table=True):
    __tablename__ = "notification_metrics"
    __table_args__ = (
        Index("idx_notification_metrics_notification_id", "notification_id"),
        {"postgresql_partition_by": "RANGE (recorded_at)"},
    )

    id: UUID = Field(
        primary_key=True, sa_column_kwargs={"server_default": text("gen_random_uuid()")}
    )
    notification_id: UUID = Field(foreign_key="notifications.id")
    channel: str = Field(max_length=20)
    sent_count: int = Field(sa_column_kwargs={"server_default": text("0")})
    delivered_count: int = Field(sa_column_kwargs={"server_default": text("0")})
    opened_count: int = Field(sa_column_kwargs={"server_default": text("0")})
    clicked_count: int = Field(sa_column_kwargs={"server_default": text("0")})
    converted_count: int = Field(sa_column_kwargs={"server_default": text("0")})
    failed_count: int = Field(sa_column_kwargs={"server_default": text("0")})
    recorded_at: datetime = Field(
        primary_key=True, sa_type=Timestamp, sa_column_kwargs={"server_default": text("now()")}
    )
