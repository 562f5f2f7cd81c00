"""Digests: their items, and in which digest a notification went out."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    op.add_column("notifications", sa.Column("digest_id", sa.Uuid(), nullable=True))
    op.execute(
        "UPDATE notification_types SET digest_rule = NULL"
        " WHERE digest_rule NOT IN ('immediate', 'hourly', 'daily', 'weekly')"
    )
    op.create_table(
        "digest_items",
        sa.Column("notification_id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Text(), nullable=False),
        sa.Column("digest_key", sa.Text(), nullable=False),
        sa.Column("channels", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column(
            "stored_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column("told_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["notification_id"], ["notifications.id"]),
        sa.PrimaryKeyConstraint("notification_id"),
    )
    op.create_index(
        "idx_digest_items_digest", "digest_items", ["user_id", "digest_key", "ends_at"]
    )
    op.create_index("idx_digest_items_ends_at", "digest_items", ["ends_at"])
    op.create_index(
        "idx_digest_items_untold",
        "digest_items",
        ["stored_at"],
        postgresql_where=sa.text("told_at IS NULL"),
    )


def downgrade() -> None:
    op.drop_table("digest_items")
    op.drop_column("notifications", "digest_id")
