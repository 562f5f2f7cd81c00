"""An office for each test, which begins without announcements."""

from collections.abc import AsyncIterator

import asyncpg
import pytest

from tests.integration.announcements.office import Office
from tests.integration.conftest import Core


@pytest.fixture
async def office(core: Core, database: str) -> AsyncIterator[Office]:
    connection = await asyncpg.connect(database)
    await connection.execute("delete from announcement_reads; delete from announcements")
    await connection.close()
    yield Office(core)
