"""The migrated database is what `models` says, on the way up, down and up again."""

import asyncio
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid4

import asyncpg
import pytest
from alembic import command

from storage.migrate import downgrade, run, upgrade
from tests.conftest import run_sql, sibling

if TYPE_CHECKING:
    from runtime.embedded.stack import EmbeddedStack

SEED_TABLES = {
    "notifications", "user_notification_preferences", "notification_deliveries",
    "email_notifications", "sms_notifications", "push_notifications", "notification_metrics",
    "user_engagement_events",
}  # fmt: skip
SEED_INDEXES = {
    "idx_notifications_user_id_created_at", "idx_notifications_type_scheduled_at",
    "idx_notification_deliveries_status", "idx_user_engagement_events_user_id_created_at",
}  # fmt: skip
RELATIONS = (
    "select c.relname from pg_class c join pg_namespace n on n.oid = c.relnamespace"
    " where n.nspname = 'public' and c.relkind = any($1::\"char\"[])"
)


@pytest.fixture
async def empty(stack: "EmbeddedStack") -> AsyncIterator[str]:
    """The URL of a database without a table."""
    name = f"herald_empty_{uuid4().hex[:8]}"
    await run_sql(stack.database_url, f"create database {name}")
    yield sibling(stack.database_url, name)
    await run_sql(stack.database_url, f"drop database {name} with (force)")


async def names(url: str, *kinds: bytes) -> set[str]:
    connection = await asyncpg.connect(url)
    try:
        return {row[0] for row in await connection.fetch(RELATIONS, list(kinds))}
    finally:
        await connection.close()


def check(config: Any) -> None:
    """Raises, naming each difference, when a new migration would have something to do."""
    command.check(config)


async def test_nothing_is_missing_between_models_and_database(empty: str) -> None:
    await upgrade(empty)
    await run(empty, check)


async def test_a_difference_is_noticed(empty: str) -> None:
    await upgrade(empty)
    await run_sql(empty, "alter table users drop column country")
    with pytest.raises(Exception, match="country"):
        await run(empty, check)


async def test_up_down_and_up_again(empty: str) -> None:
    await upgrade(empty)
    first = await names(empty, b"r", b"p", b"i", b"I", b"m", b"S")
    await downgrade(empty, "base")
    assert await names(empty, b"r", b"p", b"m", b"S") == {"alembic_version"}
    await upgrade(empty)
    assert await names(empty, b"r", b"p", b"i", b"I", b"m", b"S") == first


async def heard_of_before(connection: asyncpg.Connection, campaign: UUID) -> None:
    """A campaign to three, with what was kept of it on its own lines."""
    await connection.execute(
        "insert into users (id, created_at, updated_at) values ('ann', now(), now()),"
        " ('ben', now(), now()), ('cem', now(), now())"
    )
    await connection.execute(
        "insert into campaigns (id, name, type, category, channels, words, audience, status,"
        " created_at, updated_at) values ($1, 'C', 'newsletter', 'marketing', '{email}', '{}',"
        " '{}', 'completed', now() - interval '2 hours', now())",
        campaign,
    )
    await connection.execute(
        "insert into campaign_recipients (campaign_id, ordinal, user_id, channel, status,"
        " opened_at, clicked_at, unsubscribed_at) values"
        " ($1, 0, 'ann', 'email', 'sent', now() - interval '1 hour', now(), null),"
        " ($1, 1, 'ben', 'email', 'sent', '2001-01-01', '2001-01-01', now()),"
        " ($1, 2, 'cem', 'email', 'sent', null, null, null)",
        campaign,
    )


async def test_what_was_heard_of_campaigns_becomes_engagement(empty: str) -> None:
    """The first of each kind, all that was known; an open told by a click alone is none."""
    await upgrade(empty, "0008")
    campaign = uuid4()
    connection = await asyncpg.connect(empty)
    try:
        await heard_of_before(connection, campaign)
        await upgrade(empty)
        rows = await connection.fetch(
            "select e.user_id, e.event_type, e.channel, e.notification_id,"
            " e.created_at = greatest(e.created_at, c.created_at) as since"
            " from user_engagement_events e join campaigns c on c.id = e.campaign_id"
        )
        assert sorted((row["user_id"], row["event_type"]) for row in rows) == [
            ("ann", "clicked"), ("ann", "opened"), ("ben", "clicked"), ("ben", "unsubscribed"),
        ]  # fmt: skip
        assert {(row["channel"], row["notification_id"], row["since"]) for row in rows} == {
            ("email", None, True)
        }
        tally = await connection.fetchrow(
            "select sum(lines) as lines, sum(opened) as opened, sum(unsubscribed) as unsubscribed"
            " from campaign_tallies where campaign_id = $1 and status = 'sent'",
            campaign,
        )
        assert dict(tally) == {"lines": 3, "opened": 2, "unsubscribed": 1}
    finally:
        await connection.close()


async def test_several_processes_may_migrate_at_once(empty: str) -> None:
    await asyncio.gather(*(upgrade(empty) for _ in range(4)))
    assert await names(empty, b"m") == {"notification_performance_summary"}


async def test_the_design_documents_tables_and_indexes_are_there(database: str) -> None:
    assert await names(database, b"r", b"p") >= SEED_TABLES
    assert await names(database, b"i", b"I") >= SEED_INDEXES


async def test_months_have_their_partitions_and_more_can_be_made(
    database: str, sql: asyncpg.Connection
) -> None:
    count = "select count(*) from pg_inherits where inhparent = $1::text::regclass"
    for parent in ("notification_metrics", "user_engagement_events"):
        assert await sql.fetchval(count, parent) == 14
    await sql.execute("set timezone to 'Pacific/Kiritimati'")
    await sql.execute("select herald_make_month_partitions(14)")
    for parent in ("notification_metrics", "user_engagement_events"):
        assert await sql.fetchval(count, parent) == 16


async def test_a_row_lands_in_its_month(sql: asyncpg.Connection, ledger: Any) -> None:
    item = await ledger.notification(await ledger.user())
    await sql.execute(
        "insert into user_engagement_events (user_id, notification_id, event_type, channel)"
        " values ($1, $2, 'opened', 'email')",
        item.user_id,
        item.id,
    )
    place, month = await sql.fetchrow(
        "select tableoid::regclass::text, to_char(created_at at time zone 'UTC', 'YYYY\"m\"MM')"
        " from user_engagement_events where notification_id = $1",
        item.id,
    )
    assert place == f"user_engagement_events_y{month}"


async def test_the_summary_refreshes_while_it_is_read(sql: asyncpg.Connection, ledger: Any) -> None:
    item = await ledger.notification(await ledger.user())
    await ledger.delivery(item)
    await sql.execute("update notification_deliveries set status = 'delivered'")
    await sql.execute("refresh materialized view concurrently notification_performance_summary")
    rows = await sql.fetch("select * from notification_performance_summary")
    assert [
        (r["type"], r["channel"], r["total_sent"], r["delivered"], r["failed"]) for r in rows
    ] == [("application_update", "email", 1, 1, 0)]
