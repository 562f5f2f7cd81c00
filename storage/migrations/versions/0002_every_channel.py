"""Failover, stored callbacks, tracking switches, number limits, what an operator's pause does."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.add_column(
        "notification_deliveries",
        sa.Column(
            "given_up", postgresql.ARRAY(sa.Text()), server_default=sa.text("'{}'"), nullable=False
        ),
    )
    op.add_column(
        "notification_deliveries",
        sa.Column("provider_failures", sa.Integer(), server_default=sa.text("0"), nullable=False),
    )
    op.add_column(
        "notification_deliveries", sa.Column("cost_minor", sa.Numeric(12, 4), nullable=True)
    )
    op.add_column(
        "notification_deliveries", sa.Column("cost_currency", sa.String(3), nullable=True)
    )
    op.drop_index("idx_notification_deliveries_message", table_name="notification_deliveries")
    op.create_index(
        "idx_notification_deliveries_message",
        "notification_deliveries",
        ["provider_id", "provider_message_id"],
        unique=True,
        postgresql_where=sa.text("provider_message_id IS NOT NULL AND provider_id <> 'onesignal'"),
    )
    op.create_index(
        "idx_notification_deliveries_shared_message",
        "notification_deliveries",
        ["provider_message_id"],
        postgresql_where=sa.text("provider_id = 'onesignal'"),
    )
    op.create_index(
        "idx_notification_deliveries_held",
        "notification_deliveries",
        ["reason", "channel"],
        postgresql_where=sa.text("reason IN ('channel_paused', 'provider_paused')"),
    )
    op.add_column(
        "paused_parts",
        sa.Column("divert", sa.Boolean(), server_default=sa.text("false"), nullable=False),
    )
    op.add_column(
        "notification_types",
        sa.Column("track_opens", sa.Boolean(), server_default=sa.text("true"), nullable=False),
    )
    op.add_column(
        "notification_types",
        sa.Column("track_clicks", sa.Boolean(), server_default=sa.text("true"), nullable=False),
    )
    op.create_table(
        "provider_callbacks",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("provider", sa.String(40), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("status", sa.String(20), nullable=False),
        sa.Column("attempts", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("claimed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("applied_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("provider", "digest"),
    )
    op.create_index(
        "idx_provider_callbacks_waiting",
        "provider_callbacks",
        ["received_at"],
        postgresql_where=sa.text("status = 'received'"),
    )
    op.create_table(
        "sms_number_usage",
        sa.Column("number_hash", sa.Text(), nullable=False),
        sa.Column("notification_id", sa.Uuid(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("number_hash", "notification_id"),
    )
    op.create_index("idx_sms_number_usage_at", "sms_number_usage", ["number_hash", "at"])
    op.create_index(
        "idx_sms_number_usage_notification_id", "sms_number_usage", ["notification_id"]
    )


def downgrade() -> None:
    op.drop_table("sms_number_usage")
    op.drop_table("provider_callbacks")
    op.drop_column("notification_types", "track_clicks")
    op.drop_column("notification_types", "track_opens")
    op.drop_column("paused_parts", "divert")
    op.drop_index("idx_notification_deliveries_held", table_name="notification_deliveries")
    op.drop_index(
        "idx_notification_deliveries_shared_message", table_name="notification_deliveries"
    )
    op.drop_index("idx_notification_deliveries_message", table_name="notification_deliveries")
    op.create_index(
        "idx_notification_deliveries_message",
        "notification_deliveries",
        ["provider_id", "provider_message_id"],
        unique=True,
        postgresql_where=sa.text("provider_message_id IS NOT NULL"),
    )
    op.drop_column("notification_deliveries", "cost_currency")
    op.drop_column("notification_deliveries", "cost_minor")
    op.drop_column("notification_deliveries", "provider_failures")
    op.drop_column("notification_deliveries", "given_up")
