"""The ledger: one line per notification, channel and target."""

from datetime import datetime
from decimal import Decimal
from uuid import UUID

from sqlalchemy import Index, Text, UniqueConstraint, text
from sqlmodel import Field, SQLModel

from models.columns import TextArray, Timestamp


class DeliveryRow(SQLModel, table=True):
    __tablename__ = "notification_deliveries"
    __table_args__ = (
        UniqueConstraint("notification_id", "channel", "target"),
        Index("idx_notification_deliveries_status", "status"),
        Index(
            "idx_notification_deliveries_message",
            "provider_id",
            "provider_message_id",
            unique=True,
            postgresql_where=text("provider_message_id IS NOT NULL AND provider_id <> 'onesignal'"),
        ),
        # One message by OneSignal stands for every device of its user.
        Index(
            "idx_notification_deliveries_shared_message",
            "provider_message_id",
            postgresql_where=text("provider_id = 'onesignal'"),
        ),
        Index(
            "idx_notification_deliveries_held",
            "reason",
            "channel",
            postgresql_where=text("reason IN ('channel_paused', 'provider_paused')"),
        ),
    )

    id: UUID = Field(
        primary_key=True, sa_column_kwargs={"server_default": text("gen_random_uuid()")}
    )
    notification_id: UUID = Field(foreign_key="notifications.id")
    channel: str = Field(max_length=20)
    target: str = Field(sa_type=Text)
    status: str = Field(max_length=20)
    reason: str | None = Field(default=None, sa_type=Text)
    until: datetime | None = Field(default=None, sa_type=Timestamp)
    provider_id: str | None = Field(default=None, max_length=100)
    provider_message_id: str | None = Field(default=None, max_length=255)
    attempts: int = Field(sa_column_kwargs={"server_default": text("0")})
    retry_count: int = Field(sa_column_kwargs={"server_default": text("0")})
    intent_at: datetime | None = Field(default=None, sa_type=Timestamp)
    sent_at: datetime | None = Field(default=None, sa_type=Timestamp)
    delivered_at: datetime | None = Field(default=None, sa_type=Timestamp)
    error_code: str | None = Field(default=None, sa_type=Text)
    error_message: str | None = Field(default=None, sa_type=Text)
    segments: int | None = Field(default=None)
    given_up: list[str] = Field(
        sa_type=TextArray, sa_column_kwargs={"server_default": text("'{}'")}
    )
    provider_failures: int = Field(sa_column_kwargs={"server_default": text("0")})
    cost_minor: Decimal | None = Field(default=None, max_digits=12, decimal_places=4)
    cost_currency: str | None = Field(default=None, max_length=3)
    batch_key: UUID | None = Field(default=None)
    created_at: datetime = Field(
        sa_column_kwargs={"server_default": text("now()")}, sa_type=Timestamp
    )
    updated_at: datetime = Field(
        sa_column_kwargs={"server_default": text("now()")}, sa_type=Timestamp
    )
