"""Fixtures on the real parts: one stack for the whole run, a database of its own per module."""

import itertools
import os
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import TYPE_CHECKING

import asyncpg
import pytest

if TYPE_CHECKING:
    from runtime.embedded.stack import EmbeddedStack
    from storage.uow import SqlUnitOfWork

_MINE = f"herald_{os.getpid()}"
_numbers = itertools.count(1)

_ending = {"status": 0}


def pytest_sessionfinish(exitstatus: int) -> None:
    _ending["status"] = int(exitstatus)


@pytest.hookimpl(trylast=True)
def pytest_unconfigure(config: pytest.Config) -> None:
    """Ends at once when all is said: the Temporal SDK's threads now and then crash an
    interpreter that is being taken down, and a crash would hide how the tests ended."""
    if not hasattr(config, "workerinput"):
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(_ending["status"])


@pytest.fixture(scope="session")
async def stack(
    tmp_path_factory: pytest.TempPathFactory, worker_id: str
) -> AsyncIterator["EmbeddedStack"]:
    """PostgreSQL, Valkey and Temporal on ports of their own; reaped whatever happens. In a
    parallel run all processes share one, so a test that kills parts brings its own."""
    from tests.shared_stack import own_stack, shared_stack

    if worker_id == "master":
        opened = own_stack(Path(tmp_path_factory.mktemp("herald")))
    else:
        opened = shared_stack(tmp_path_factory.getbasetemp().parent)
    async with opened as running:
        yield running


@pytest.fixture(scope="session")
def redis_url(stack: "EmbeddedStack") -> str:
    return stack.redis_url


@pytest.fixture(scope="session")
async def template_database(stack: "EmbeddedStack") -> str:
    """Migrated and seeded once; the others are copies of it."""
    from runtime.adapters import open_storage
    from runtime.seed import seed
    from runtime.settings import Settings
    from storage.migrate import upgrade

    name = f"{_MINE}_template"
    await run_sql(stack.database_url, f"create database {name}")
    url = sibling(stack.database_url, name)
    await upgrade(url)
    async with open_storage(Settings(DATABASE_URL=url)) as uow:
        await seed(uow)
    return name


@pytest.fixture(scope="module")
async def database(stack: "EmbeddedStack", template_database: str) -> AsyncIterator[str]:
    """The URL of a migrated, seeded database that nobody else uses."""
    name = f"{_MINE}_{next(_numbers)}"
    await run_sql(
        stack.database_url,
        f"create database {name} template {template_database} strategy file_copy",
    )
    yield sibling(stack.database_url, name)
    await run_sql(stack.database_url, f"drop database {name} with (force)")


@pytest.fixture(scope="module")
async def uow(database: str) -> AsyncIterator["SqlUnitOfWork"]:
    from runtime.adapters import open_storage
    from runtime.settings import Settings

    async with open_storage(Settings(DATABASE_URL=database)) as opened:
        yield opened


def sibling(url: str, name: str) -> str:
    """The URL of another database on the same server."""
    return f"{url.rpartition('/')[0]}/{name}"


async def run_sql(url: str, statement: str) -> None:
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()
