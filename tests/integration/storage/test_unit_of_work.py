"""One block is one transaction; a database that goes and comes back costs answers, never truth."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import pytest

from domain.errors import Unavailable
from domain.paging import PageRequest
from runtime.embedded.options import EmbeddedOptions
from runtime.embedded.stack import EmbeddedStack
from storage.migrate import upgrade
from tests.integration.storage.conftest import Ledger, a_user, now, process


class Refused(Exception):
    """The block's own error."""


async def test_a_block_that_raises_leaves_nothing(ledger: Ledger) -> None:
    user = a_user()
    with pytest.raises(Refused):
        async with ledger.uow() as tx:
            await tx.users.put(user)
            raise Refused
    async with ledger.uow() as tx:
        assert await tx.users.get(user.id) is None


async def test_nothing_is_seen_before_the_block_ends(ledger: Ledger) -> None:
    user = a_user()
    async with ledger.uow() as tx:
        await tx.users.put(user)
        async with ledger.uow() as other:
            assert await other.users.get(user.id) is None
    async with ledger.uow() as tx:
        assert await tx.users.get(user.id) == user


async def test_a_mistake_of_ours_is_no_outage(ledger: Ledger) -> None:
    with pytest.raises(asyncpg.PostgresError) as raised:
        async with ledger.uow() as tx:
            await tx.operations.audit_log(PageRequest(limit=-5))
    assert not isinstance(raised.value, Unavailable)


async def test_a_deadlock_is_something_to_try_again(ledger: Ledger) -> None:
    user = await ledger.user()
    first, second = await ledger.notification(user), await ledger.notification(user)
    both_hold = asyncio.Barrier(2)

    async def take(*order: object) -> str:
        try:
            async with ledger.uow() as tx:
                await tx.notifications.lock(order[0])  # type: ignore[arg-type]
                await both_hold.wait()
                await tx.notifications.lock(order[1])  # type: ignore[arg-type]
        except Unavailable as error:
            return error.code
        return "done"

    ends = await asyncio.gather(take(first.id, second.id), take(second.id, first.id))
    assert sorted(ends) == ["database_unavailable", "done"]


async def test_a_connection_cut_while_it_rested_harms_nobody(
    ledger: Ledger, sql: asyncpg.Connection
) -> None:
    users = [a_user() for _ in range(8)]

    async def put(n: int) -> None:
        async with ledger.uow() as tx:
            await tx.users.put(users[n])

    await asyncio.gather(*(put(n) for n in range(8)))
    cut = await sql.fetchval(
        "select count(pg_terminate_backend(pid, 2000)) from pg_stat_activity"
        " where datname = current_database() and pid <> pg_backend_pid()"
    )
    assert cut >= 8
    await asyncio.gather(*(put(n) for n in range(8)))


async def test_a_connection_cut_in_the_middle_is_said_and_nothing_stays(
    ledger: Ledger, sql: asyncpg.Connection
) -> None:
    user = a_user()
    with pytest.raises(Unavailable) as told:
        async with ledger.uow() as tx:
            await tx.users.put(user)
            await sql.execute(
                "select pg_terminate_backend(pid, 2000) from pg_stat_activity"
                " where datname = current_database() and state = 'idle in transaction'"
            )
            await tx.users.get(user.id)
    assert told.value.code == "database_unavailable"
    async with ledger.uow() as tx:
        assert await tx.users.get(user.id) is None


async def test_a_schema_that_grows_under_a_running_process(
    ledger: Ledger, sql: asyncpg.Connection
) -> None:
    async with ledger.uow() as tx:
        before = await tx.catalogue.types()
    await sql.execute("alter table notification_types add column later text")
    for _ in range(3):
        try:
            async with ledger.uow() as tx:
                assert await tx.catalogue.types() == before
                return
        except Unavailable:
            continue
    pytest.fail("prepared statements never recovered")


@pytest.fixture(scope="module")
async def server(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[EmbeddedStack]:
    """A PostgreSQL of its own, to be killed."""
    home = Path(tmp_path_factory.mktemp("killed"))
    options = EmbeddedOptions(home=home, port=0, keep=False)
    async with EmbeddedStack(options, parts=("postgres",)) as running:
        await upgrade(running.database_url)
        yield running


async def test_a_killed_server_comes_back_with_what_was_committed(server: EmbeddedStack) -> None:
    async with process(server.database_url) as ledger:
        before = [await ledger.user() for _ in range(5)]
        server.kill("postgres")
        refused, found = 0, []
        async with asyncio.timeout(60):
            while not (refused and found):
                try:
                    async with ledger.uow() as tx:
                        found = [await tx.users.get(user) for user in before]
                except Unavailable:
                    refused, found = refused + 1, []
                await asyncio.sleep(0.01)
        assert [user.id for user in found if user] == before


async def test_an_orderly_restart_costs_the_first_request_nothing(server: EmbeddedStack) -> None:
    async with process(server.database_url) as ledger:
        await server.wait_ready("postgres")
        await asyncio.gather(*(ledger.user() for _ in range(5)))
        await server.restart("postgres")
        await ledger.user()


async def test_a_server_that_is_not_there_is_said_at_once() -> None:
    async with process("postgresql://nobody@127.0.0.1:1/none") as ledger:
        async with asyncio.timeout(2):
            with pytest.raises(Unavailable):
                await ledger.user()
    assert now()
