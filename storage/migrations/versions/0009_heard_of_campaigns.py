"""What is heard of campaigns, and what is kept of them."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0009"
down_revision = "0008"

TIMESTAMP = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.add_column("campaign_recipients", sa.Column("outcome_at", TIMESTAMP, nullable=True))
    op.create_index(
        "idx_campaign_batches_campaign_id_chunk", "campaign_batches", ["campaign_id", "chunk"]
    )
    op.create_table(
        "campaign_summaries",
        sa.Column("campaign_id", sa.Uuid(), nullable=False),
        sa.Column("counts", postgresql.JSONB(), nullable=False),
        sa.Column("made_at", TIMESTAMP, nullable=False),
        sa.Column("emptied_at", TIMESTAMP, nullable=True),
        sa.ForeignKeyConstraint(["campaign_id"], ["campaigns.id"]),
        sa.PrimaryKeyConstraint("campaign_id"),
    )
    op.alter_column("user_engagement_events", "notification_id", nullable=True)
    op.add_column("user_engagement_events", sa.Column("campaign_id", sa.Uuid(), nullable=True))
    op.create_check_constraint(
        "user_engagement_events_about",
        "user_engagement_events",
        "notification_id IS NOT NULL OR campaign_id IS NOT NULL",
    )
    op.execute("select herald_make_month_partitions(12)")
    op.execute(
        """
        insert into user_engagement_events (user_id, campaign_id, event_type, channel, created_at)
        select r.user_id, r.campaign_id, heard.event_type, r.channel,
            greatest(heard.at, c.created_at)
        from campaign_recipients r join campaigns c on c.id = r.campaign_id
        cross join lateral (values
            ('opened', case when r.opened_at is distinct from r.clicked_at then r.opened_at end),
            ('clicked', r.clicked_at), ('unsubscribed', r.unsubscribed_at)) heard(event_type, at)
        where heard.at is not null
        """
    )


def downgrade() -> None:
    op.execute("delete from user_engagement_events where notification_id is null")
    op.drop_column("user_engagement_events", "campaign_id")
    op.alter_column("user_engagement_events", "notification_id", nullable=False)
    op.drop_table("campaign_summaries")
    op.drop_index("idx_campaign_batches_campaign_id_chunk", table_name="campaign_batches")
    op.drop_column("campaign_recipients", "outcome_at")
