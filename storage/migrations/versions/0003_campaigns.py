"""Campaigns, their recipients' accounts, and the intents of their provider calls."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0003"
down_revision = "0002"

TIMESTAMP = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "campaigns",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("type", sa.String(50), nullable=False),
        sa.Column("category", sa.String(20), nullable=False),
        sa.Column("channels", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("words", postgresql.JSONB(), nullable=False),
        sa.Column("priority", sa.String(20), server_default=sa.text("'low'"), nullable=False),
        sa.Column("audience", postgresql.JSONB(), nullable=False),
        sa.Column("schedule", postgresql.JSONB(), nullable=True),
        sa.Column("rate", postgresql.JSONB(), nullable=True),
        sa.Column("test", postgresql.JSONB(), nullable=True),
        sa.Column("status", sa.String(20), nullable=False),
        sa.Column("resumes_as", sa.String(20), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("revision", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("parent_id", sa.Uuid(), nullable=True),
        sa.Column("occurs_at", TIMESTAMP, nullable=True),
        sa.Column("template_versions", postgresql.JSONB(), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("recipients", sa.Integer(), nullable=True),
        sa.Column("winner", sa.SmallInteger(), nullable=True),
        sa.Column("starts_at", TIMESTAMP, nullable=True),
        sa.Column("started_at", TIMESTAMP, nullable=True),
        sa.Column("completed_at", TIMESTAMP, nullable=True),
        sa.Column("start_claimed_at", TIMESTAMP, nullable=True),
        sa.Column("told_at", TIMESTAMP, nullable=True),
        sa.Column("created_at", TIMESTAMP, nullable=False),
        sa.Column("updated_at", TIMESTAMP, nullable=False),
        sa.ForeignKeyConstraint(["parent_id"], ["campaigns.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("parent_id", "occurs_at"),
    )
    op.create_index(
        "idx_campaigns_created_at_id", "campaigns", [sa.text("created_at DESC"), sa.text("id DESC")]
    )
    op.create_index(
        "idx_campaigns_paused",
        "campaigns",
        ["id"],
        postgresql_where=sa.text("status = 'paused'"),
    )
    op.create_index(
        "idx_campaigns_unstarted",
        "campaigns",
        ["updated_at"],
        postgresql_where=sa.text("told_at IS NULL AND status NOT IN ('draft')"),
    )
    op.create_table(
        "campaign_recipients",
        sa.Column("campaign_id", sa.Uuid(), nullable=False),
        sa.Column("ordinal", sa.Integer(), nullable=False),
        sa.Column("user_id", sa.Text(), nullable=False),
        sa.Column("channel", sa.String(20), nullable=False),
        sa.Column("status", sa.String(10), nullable=False),
        sa.Column("variant", sa.SmallInteger(), nullable=True),
        sa.Column("due_at", TIMESTAMP, nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("failures", sa.SmallInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("provider", sa.Text(), nullable=True),
        sa.Column("provider_message_id", sa.Text(), nullable=True),
        sa.Column("sent_at", TIMESTAMP, nullable=True),
        sa.Column("notification_id", sa.Uuid(), nullable=True),
        sa.Column("outcome", sa.String(12), nullable=True),
        sa.Column("opened_at", TIMESTAMP, nullable=True),
        sa.Column("clicked_at", TIMESTAMP, nullable=True),
        sa.Column("unsubscribed_at", TIMESTAMP, nullable=True),
        sa.ForeignKeyConstraint(["campaign_id"], ["campaigns.id"]),
        sa.PrimaryKeyConstraint("campaign_id", "ordinal"),
        sa.UniqueConstraint("user_id", "campaign_id", "channel"),
    )
    # Room for the one change each row sees, so that it stays on its page and out of the indexes.
    op.execute("alter table campaign_recipients set (fillfactor = 70)")
    op.create_table(
        "campaign_messages",
        sa.Column("provider_message_id", sa.Text(), nullable=False),
        sa.Column("campaign_id", sa.Uuid(), nullable=False),
        sa.Column("ordinal", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("provider_message_id"),
    )
    op.create_table(
        "campaign_batches",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("campaign_id", sa.Uuid(), nullable=False),
        sa.Column("chunk", sa.Integer(), nullable=False),
        sa.Column("provider", sa.Text(), nullable=False),
        sa.Column("ordinals", postgresql.ARRAY(sa.Integer()), nullable=False),
        sa.Column("status", sa.String(10), nullable=False),
        sa.Column("intent_at", TIMESTAMP, nullable=False),
        sa.Column("in_doubt", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("done_at", TIMESTAMP, nullable=True),
        sa.Column("day", sa.SmallInteger(), nullable=True),
        sa.ForeignKeyConstraint(["campaign_id"], ["campaigns.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "campaign_days",
        sa.Column("campaign_id", sa.Uuid(), nullable=False),
        sa.Column("day", sa.Integer(), nullable=False),
        sa.Column("messages", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["campaign_id"], ["campaigns.id"]),
        sa.PrimaryKeyConstraint("campaign_id", "day"),
    )
    op.create_index(
        "idx_campaign_batches_open",
        "campaign_batches",
        ["campaign_id", "chunk"],
        postgresql_where=sa.text("status = 'open'"),
    )


def downgrade() -> None:
    op.drop_table("campaign_days")
    op.drop_table("campaign_batches")
    op.drop_table("campaign_messages")
    op.drop_table("campaign_recipients")
    op.drop_table("campaigns")
