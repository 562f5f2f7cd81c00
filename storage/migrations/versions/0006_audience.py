"""Attributes that segments can compare; uploaded lists of users."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    # Sealed attributes cannot be opened here: only the processes hold the master key.
    op.drop_column("users", "attributes")
    op.add_column(
        "users",
        sa.Column(
            "attributes",
            postgresql.JSONB(astext_type=sa.Text()),
            server_default=sa.text("'{}'"),
            nullable=False,
        ),
    )
    op.create_index(
        "idx_users_attributes",
        "users",
        ["attributes"],
        postgresql_using="gin",
        postgresql_ops={"attributes": "jsonb_path_ops"},
    )
    op.create_table(
        "audience_lists",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.String(255), nullable=False),
        sa.Column("accepted", sa.Integer(), nullable=False),
        sa.Column("duplicates", sa.Integer(), nullable=False),
        sa.Column("rejected", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("idx_audience_lists_created_at", "audience_lists", ["created_at", "id"])
    op.create_table(
        "audience_list_members",
        sa.Column("list_id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["list_id"], ["audience_lists.id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"]),
        sa.PrimaryKeyConstraint("list_id", "user_id"),
    )
    op.create_index("idx_audience_list_members_user_id", "audience_list_members", ["user_id"])


def downgrade() -> None:
    op.drop_table("audience_list_members")
    op.drop_table("audience_lists")
    op.drop_index("idx_users_attributes", table_name="users")
    op.drop_column("users", "attributes")
    op.add_column("users", sa.Column("attributes", sa.Text(), nullable=True))
