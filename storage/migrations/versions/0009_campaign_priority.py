"""Campaigns with a priority of their own."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    op.add_column(
        "campaigns",
        sa.Column("priority", sa.String(20), server_default=sa.text("'low'"), nullable=False),
    )


def downgrade() -> None:
    op.drop_column("campaigns", "priority")
