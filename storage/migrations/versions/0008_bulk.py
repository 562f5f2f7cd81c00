"""Batches of a bulk call, and under which key a delivery went to its provider with others."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    op.create_table(
        "bulk_batches",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("notification_ids", postgresql.ARRAY(sa.Uuid()), nullable=False),
        sa.Column("start_claimed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.add_column("notification_deliveries", sa.Column("batch_key", sa.Uuid(), nullable=True))
    op.drop_index("idx_notifications_unstarted", table_name="notifications")
    op.create_index(
        "idx_notifications_unstarted",
        "notifications",
        ["created_at"],
        postgresql_where=sa.text(
            "status = 'accepted' AND start_claimed_at IS DISTINCT FROM 'infinity'"
        ),
    )


def downgrade() -> None:
    op.drop_index("idx_notifications_unstarted", table_name="notifications")
    op.create_index(
        "idx_notifications_unstarted",
        "notifications",
        ["created_at"],
        postgresql_where=sa.text("status = 'accepted'"),
    )
    op.drop_column("notification_deliveries", "batch_key")
    op.drop_table("bulk_batches")
