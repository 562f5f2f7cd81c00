"""A/B tests: definitions, assignments, outcomes, the notifications that carry a variant."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    op.create_table(
        "ab_tests",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.String(255), nullable=False),
        sa.Column("type", sa.String(50), nullable=True),
        sa.Column("status", sa.String(20), nullable=False),
        sa.Column("variants", postgresql.JSONB(), nullable=False),
        sa.Column("fraction", sa.Float(), nullable=False),
        sa.Column("metric", sa.String(20), nullable=False),
        sa.Column("decide_after", sa.Interval(), nullable=True),
        sa.Column("winner_mode", sa.String(20), nullable=False),
        sa.Column("winner", sa.Text(), nullable=True),
        sa.Column("decision", postgresql.JSONB(), nullable=True),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("decide_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("workflow_call", sa.String(10), nullable=True),
        sa.Column("call_claimed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(
        "idx_ab_tests_created_at_id",
        "ab_tests",
        [sa.text("created_at DESC"), sa.text("id DESC")],
    )
    op.create_index(
        "idx_ab_tests_workflow_call",
        "ab_tests",
        ["updated_at"],
        postgresql_where=sa.text("workflow_call IS NOT NULL"),
    )
    op.create_table(
        "ab_assignments",
        sa.Column("test_id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Text(), nullable=False),
        sa.Column("variant", sa.SmallInteger(), nullable=False),
        sa.Column("assigned_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("test_id", "user_id"),
        sa.ForeignKeyConstraint(["test_id"], ["ab_tests.id"]),
    )
    op.create_table(
        "ab_outcomes",
        sa.Column("test_id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Text(), nullable=False),
        sa.Column("metric", sa.String(20), nullable=False),
        sa.Column("variant", sa.SmallInteger(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("value", sa.Float(), nullable=True),
        sa.PrimaryKeyConstraint("test_id", "user_id", "metric"),
        sa.ForeignKeyConstraint(
            ["test_id", "user_id"], ["ab_assignments.test_id", "ab_assignments.user_id"]
        ),
    )
    op.create_table(
        "ab_notifications",
        sa.Column("notification_id", sa.Uuid(), nullable=False),
        sa.Column("test_id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Text(), nullable=False),
        sa.Column("variant", sa.SmallInteger(), nullable=False),
        sa.PrimaryKeyConstraint("notification_id"),
        sa.ForeignKeyConstraint(["notification_id"], ["notifications.id"]),
        sa.ForeignKeyConstraint(["test_id"], ["ab_tests.id"]),
    )


def downgrade() -> None:
    op.drop_table("ab_notifications")
    op.drop_table("ab_outcomes")
    op.drop_table("ab_assignments")
    op.drop_table("ab_tests")
