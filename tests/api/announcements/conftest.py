"""A test of announcements begins without any: gone, or ended where open connections know them."""

from collections.abc import AsyncIterator

import asyncpg
import pytest


@pytest.fixture
async def sql(database: str) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(database)
    yield connection
    await connection.close()


@pytest.fixture
async def nothing_announced(sql: asyncpg.Connection) -> None:
    await sql.execute("delete from announcement_reads; delete from announcements")


@pytest.fixture
async def nothing_shown(sql: asyncpg.Connection) -> None:
    await sql.execute("update announcements set status = 'ended'")
