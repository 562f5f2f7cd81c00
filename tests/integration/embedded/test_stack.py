"""PostgreSQL, Valkey and Temporal as Herald starts them: reachable, private, and back after a
crash with what they held."""

import asyncio
import os
import shutil
import signal
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import asyncpg
import pytest
import pytest_asyncio
import redis.asyncio
from temporalio import workflow
from temporalio.api.operatorservice.v1 import ListSearchAttributesRequest
from temporalio.api.workflowservice.v1 import DescribeNamespaceRequest
from temporalio.client import Client
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

from runtime.embedded import postgres_place
from runtime.embedded.application import Application
from runtime.embedded.home import AlreadyRunning
from runtime.embedded.postgres_place import can_enter, find_place
from runtime.embedded.stack import EmbeddedStack
from runtime.embedded.temporal.server import SEARCH_ATTRIBUTES
from tests.integration.embedded.conftest import options_for
from tests.integration.embedded.support import (
    LOOPBACK,
    alive,
    eventually,
    listening_addresses,
    processes_mentioning,
)


@workflow.defn
class Waiting:
    """Ends when it is told to, with what it was told."""

    def __init__(self) -> None:
        self._word = ""

    @workflow.run
    async def run(self) -> str:
        await workflow.wait_condition(lambda: bool(self._word))
        return self._word

    @workflow.signal
    def say(self, word: str) -> None:
        self._word = word


@pytest_asyncio.fixture(scope="module")
async def durable(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[EmbeddedStack]:
    """One to be maltreated."""
    home = tmp_path_factory.mktemp("durable") / "home"
    async with EmbeddedStack(options_for(home), ("postgres", "valkey", "temporal")) as running:
        yield running


async def test_databases_answer_with_their_password_only(stack: EmbeddedStack) -> None:
    connection = await asyncpg.connect(stack.database_url)
    try:
        assert await connection.fetchval("select uuidv7() is not null")
        assert await connection.fetchval("show synchronous_commit") == "on"
        assert await connection.fetchval("show fsync") == "on"
        names = {row[0] for row in await connection.fetch("select datname from pg_database")}
    finally:
        await connection.close()
    assert names >= {"herald", "temporal", "temporal_visibility"}
    assert stack.postgres is not None
    wrong = stack.database_url.replace(stack.postgres.password, "guess")
    with pytest.raises(asyncpg.InvalidPasswordError):
        await asyncpg.connect(wrong)


async def test_the_namespace_is_ready_for_notifications(stack: EmbeddedStack) -> None:
    client = await Client.connect(stack.temporal_address, namespace=stack.namespace)
    described = await client.workflow_service.describe_namespace(
        DescribeNamespaceRequest(namespace="herald")
    )
    retention = described.config.workflow_execution_retention_ttl.ToTimedelta()
    assert retention == timedelta(days=3)
    listed = await client.operator_service.list_search_attributes(
        ListSearchAttributesRequest(namespace="herald")
    )
    assert {name: listed.custom_attributes[name] for name in SEARCH_ATTRIBUTES} == SEARCH_ATTRIBUTES


async def test_nothing_listens_beyond_this_machine(stack: EmbeddedStack) -> None:
    heard = {name: listening_addresses(pid) for name, pid in stack.supervisor.pids().items()}
    assert set(heard) == {"postgres", "valkey", "temporal", "temporal-ui"}
    assert heard == {name: {LOOPBACK} for name in heard}


async def test_a_home_is_not_shared(stack: EmbeddedStack) -> None:
    with pytest.raises(AlreadyRunning):
        async with EmbeddedStack(options_for(stack.options.home)):
            pytest.fail("it started")
    connection = await asyncpg.connect(stack.database_url)
    await connection.close()


async def test_what_is_brought_along_is_used(stack: EmbeddedStack, tmp_path: Path) -> None:
    options = options_for(
        tmp_path / "other",
        database_url=stack.database_url,
        redis_url=stack.redis_url,
        temporal_address=stack.temporal_address,
    )
    async with EmbeddedStack(options, ("postgres", "valkey", "temporal")) as other:
        assert other.supervisor.pids() == {}
        assert other.database_url == stack.database_url
        assert other.temporal_address == stack.temporal_address


async def test_the_environment_of_herald_names_these_servers(stack: EmbeddedStack) -> None:
    given = Application(stack).environment()
    assert given["DATABASE_URL"] == stack.database_url
    assert given["REDIS_URL"] == stack.redis_url
    assert given["TEMPORAL_ADDRESS"] == stack.temporal_address
    assert given["HERALD_PUBLIC_URL"] == stack.api_url
    assert "POSTGRES_PASSWORD" not in given
    assert "PYTHONDONTWRITEBYTECODE" not in given


async def test_committed_rows_survive_a_killed_postgres(durable: EmbeddedStack) -> None:
    connection = await asyncpg.connect(durable.database_url)
    await connection.execute("create table kept (id int)")
    await connection.execute("insert into kept values (1)")
    killed = durable.kill("postgres")
    await durable.wait_ready("postgres")
    connection.terminate()
    assert durable.pid("postgres") != killed
    again = await asyncpg.connect(durable.database_url)
    try:
        assert await again.fetchval("select count(*) from kept") == 1
    finally:
        await again.close()


async def test_a_stopped_postmaster_leaves_no_backend_in_the_way(durable: EmbeddedStack) -> None:
    """A backend that cannot notice its postmaster's death keeps the shared memory: it must go."""
    connection = await asyncpg.connect(durable.database_url)
    backend = await connection.fetchval("select pg_backend_pid()")
    os.kill(backend, signal.SIGSTOP)
    durable.kill("postgres")
    async with asyncio.timeout(20):
        await durable.wait_ready("postgres")
    connection.terminate()
    assert not alive([backend])


async def test_valkey_keeps_its_keys(durable: EmbeddedStack) -> None:
    async with redis.asyncio.from_url(durable.redis_url) as client:
        await client.set("kept", "yes")
    durable.kill("valkey")
    await durable.wait_ready("valkey")
    async with redis.asyncio.from_url(durable.redis_url) as client:
        assert await client.get("kept") == b"yes"


@pytest.mark.parametrize("victims", [("temporal",), ("postgres",), ("postgres", "temporal")])
async def test_a_workflow_outlives_crashes(durable: EmbeddedStack, victims: list[str]) -> None:
    address = durable.temporal_address
    client = await Client.connect(address, namespace=durable.namespace)
    queue = f"queue-{uuid4()}"
    async with Worker(
        client, task_queue=queue, workflows=[Waiting], workflow_runner=UnsandboxedWorkflowRunner()
    ):
        handle = await client.start_workflow(Waiting.run, id=f"waiting-{uuid4()}", task_queue=queue)
        for victim in victims:
            durable.kill(victim)
        for victim in victims:
            async with asyncio.timeout(30):
                await durable.wait_ready(victim)
        async with asyncio.timeout(60):
            await handle.signal(Waiting.say, "still here")
            assert await handle.result() == "still here"
    assert durable.temporal_address == address


async def test_a_stack_ends_completely_and_finds_its_ports_again(tmp_path: Path) -> None:
    home = tmp_path / "home"
    async with EmbeddedStack(options_for(home, keep=True), ("postgres", "valkey")) as first:
        urls = (first.database_url, first.redis_url)
        pids = first.supervisor.pids().values()
        async with redis.asyncio.from_url(first.redis_url) as client:
            await client.set("kept", "yes")
    assert not alive(pids)
    assert not processes_mentioning(str(home))
    async with EmbeddedStack(options_for(home), ("postgres", "valkey")) as second:
        assert (second.database_url, second.redis_url) == urls
        async with redis.asyncio.from_url(second.redis_url) as client:
            assert await client.get("kept") == b"yes"
    assert not home.exists()


async def test_a_home_nobody_else_may_enter(tmp_path: Path) -> None:
    """As root, PostgreSQL is another user's: its data goes elsewhere, and no door is opened."""
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    options = options_for(closed / "home")
    async with EmbeddedStack(options, ("postgres",)) as stack:
        root, _, user = find_place(stack.home)
        assert (user is None) == (os.geteuid() != 0)
        if user is not None:
            assert not root.is_relative_to(closed)
            assert not can_enter(closed, user)
            assert root.stat().st_uid == user[0]
        assert root.stat().st_mode & 0o077 == 0
        connection = await asyncpg.connect(stack.database_url)
        await connection.close()
    assert closed.stat().st_mode & 0o777 == 0o700
    assert not root.exists()


async def test_binaries_nobody_else_may_reach(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An environment below a closed folder: as root, PostgreSQL runs from a copy."""
    package = postgres_place.find_binaries().parents[1]
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    for folder in (package, package.with_name(f"{package.name}.libs")):
        if folder.exists():
            shutil.copytree(folder, closed / folder.name, symlinks=True)
    binaries = closed / package.name / postgres_place.find_binaries().parent.name / "bin"
    monkeypatch.setattr(postgres_place, "find_binaries", lambda: binaries)
    async with EmbeddedStack(options_for(closed / "home"), ("postgres",)) as stack:
        assert stack.postgres is not None
        assert (stack.postgres.binaries == binaries) == (os.geteuid() != 0)
        connection = await asyncpg.connect(stack.database_url)
        await connection.close()


async def test_a_deleted_home_starts_anew(tmp_path: Path) -> None:
    """What a deleted home kept elsewhere is as lost as its password."""
    options = options_for(tmp_path / "home", keep=True)
    async with EmbeddedStack(options, ("postgres",)) as stack:
        first = stack.database_url
    for path in sorted(options.home.rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()
    options.home.rmdir()
    async with EmbeddedStack(options_for(options.home), ("postgres",)) as stack:
        assert stack.database_url != first
        connection = await asyncpg.connect(stack.database_url)
        await connection.close()


async def test_cancelled_while_starting_leaves_nothing(tmp_path: Path) -> None:
    options = options_for(tmp_path / "home")
    said: list[str] = []
    stack = EmbeddedStack(options, say=said.append)
    starting = asyncio.create_task(stack.start())
    await eventually(lambda: any("temporal" in line for line in said))
    starting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await starting
    assert stack.supervisor.pids() == {}
    assert not processes_mentioning(str(options.home))
    assert not options.home.exists()
