"""What is heard of campaigns, and what is kept of them."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0008"

TIMESTAMP = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.add_column("campaign_recipients", sa.Column("outcome_at", TIMESTAMP, nullable=True))


def downgrade() -> None:
    op.drop_column("campaign_recipients", "outcome_at")
