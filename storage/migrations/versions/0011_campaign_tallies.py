"""A campaign's accounts kept beside its recipients, by triggers.

Counting a million lines takes half a second of the database, and whoever watches a campaign asks
every second. Each statement that changes lines adds what it changed, in its own transaction: rows
are only added, so nobody waits for anybody, and the sum is the accounts at every moment.
"""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"

TIMESTAMP = sa.DateTime(timezone=True)
_COUNTED = ("delivered", "bounced", "complained", "opened", "clicked", "unsubscribed")
_COLUMNS = (
    "campaign_id, status, reason, variant, due_at, lines, "
    + ", ".join(_COUNTED)
    + ", first_sent_at, last_sent_at"
)
_LINE = """
    campaign_id, status, reason, variant,
    case status when 'pending' then
        date_bin('1 minute', due_at + interval '59.999999 seconds', timestamptz '2000-01-01')
    end as due_at,
    outcome, opened_at, clicked_at, unsubscribed_at, sent_at
"""
_SUMS = """
    sum(n) as lines,
    coalesce(sum(n) filter (where outcome = 'delivered'), 0) as delivered,
    coalesce(sum(n) filter (where outcome = 'bounced'), 0) as bounced,
    coalesce(sum(n) filter (where outcome = 'complained'), 0) as complained,
    coalesce(sum(n) filter (where opened_at is not null), 0) as opened,
    coalesce(sum(n) filter (where clicked_at is not null), 0) as clicked,
    coalesce(sum(n) filter (where unsubscribed_at is not null), 0) as unsubscribed,
    min(sent_at) filter (where n = 1) as first_sent_at,
    max(sent_at) filter (where n = 1) as last_sent_at
"""


def _insert(lines: str) -> str:
    """Adds up `lines`, each with `n`: 1 for one that is there now, -1 for one that was."""
    return f"""
        insert into campaign_tallies ({_COLUMNS}, at)
        select {_COLUMNS}, now() from (
            select campaign_id, status, reason, variant, due_at, {_SUMS}
            from ({lines}) moved group by 1, 2, 3, 4, 5
        ) summed
        where (lines, {", ".join(_COUNTED)}) <> (0, 0, 0, 0, 0, 0, 0);
    """  # noqa: S608


def upgrade() -> None:
    op.create_table(
        "campaign_tallies",
        sa.Column("id", sa.BigInteger(), sa.Identity(), nullable=False),
        sa.Column("campaign_id", sa.Uuid(), nullable=False),
        sa.Column("status", sa.String(10), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("variant", sa.SmallInteger(), nullable=True),
        sa.Column("due_at", TIMESTAMP, nullable=True),
        sa.Column("lines", sa.Integer(), nullable=False),
        *(sa.Column(name, sa.Integer(), nullable=False) for name in _COUNTED),
        sa.Column("first_sent_at", TIMESTAMP, nullable=True),
        sa.Column("last_sent_at", TIMESTAMP, nullable=True),
        sa.Column("at", TIMESTAMP, nullable=False),
        sa.ForeignKeyConstraint(["campaign_id"], ["campaigns.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("idx_campaign_tallies_campaign_id", "campaign_tallies", ["campaign_id"])
    fresh = f"select 1 as n, {_LINE} from after"
    moved = f"{fresh} union all select -1, {_LINE} from before"
    op.execute(
        f"""
        create function herald_tally_campaign_lines() returns trigger language plpgsql as $$
        begin
            if tg_op = 'INSERT' then
                {_insert(fresh)}
            else
                {_insert(moved)}
            end if;
            return null;
        end $$
        """
    )
    op.execute(
        "create trigger campaign_lines_added after insert on campaign_recipients"
        " referencing new table as after"
        " for each statement execute function herald_tally_campaign_lines()"
    )
    op.execute(
        "create trigger campaign_lines_changed after update on campaign_recipients"
        " referencing old table as before new table as after"
        " for each statement execute function herald_tally_campaign_lines()"
    )
    op.execute(_insert(f"select 1 as n, {_LINE} from campaign_recipients"))


def downgrade() -> None:
    op.execute("drop trigger campaign_lines_changed on campaign_recipients")
    op.execute("drop trigger campaign_lines_added on campaign_recipients")
    op.execute("drop function herald_tally_campaign_lines")
    op.drop_table("campaign_tallies")
