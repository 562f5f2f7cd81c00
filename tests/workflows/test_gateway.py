"""The gateway starts once, wakes what runs, and says within a moment that Temporal is away."""

import asyncio
import socket
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from google.protobuf.duration_pb2 import Duration
from temporalio.api.operatorservice.v1 import ListSearchAttributesRequest
from temporalio.api.workflowservice.v1 import RegisterNamespaceRequest
from temporalio.client import WorkflowExecutionStatus

from domain.enums import Category, Channel, NotificationStatus, Priority, Strategy
from domain.errors import Unavailable
from domain.ids import bulk_workflow_id, keyed_hash, new_id, notification_workflow_id
from domain.messages import SignalKind
from domain.records.notifications import Notification
from runtime.search_attributes import KEYS, ensure_search_attributes
from runtime.temporal import PATIENCE, REST_AFTER_FAILURE, TemporalGateway, connect
from tests.workflows.bulk_ledger import Batch
from tests.workflows.ledger import NOW, Case
from tests.workflows.world import World
from workflows.bulk import BulkWorkflow
from workflows.notification import NotificationWorkflow
from workflows.search import CHANNEL, NOTIFICATION_TYPE, USER_HASH

KEY = b"k" * 32
AT = datetime(2026, 11, 1, tzinfo=UTC)
ABOUT = Notification(
    id=new_id(), user_id="ada@example.com", type="job_match", category=Category.JOBS,
    priority=Priority.HIGH, channels=(Channel.EMAIL, Channel.WEBSOCKET), strategy=Strategy.ALL,
    status=NotificationStatus.ACCEPTED, created_at=AT, updated_at=AT, content_hash="",
)  # fmt: skip


@pytest.fixture
def gateway(world: World) -> TemporalGateway:
    return TemporalGateway(world.client, KEY)


async def test_starting_many_times_starts_once(world: World, gateway: TemporalGateway) -> None:
    case = world.ledger.add(Case({Channel.EMAIL: NOW}))
    await asyncio.gather(*(gateway.start_notification(case.id, 0) for _ in range(8)))
    await handle_of(world, case).result()
    await gateway.start_notification(case.id, 0)
    assert len(case.plans) == 1
    case.assert_closed()


async def test_a_batch_is_started_once_and_again_when_it_was_ended_by_hand(
    world: World, gateway: TemporalGateway
) -> None:
    batch = world.batches.add(Batch(10, hold=asyncio.Event()))
    await asyncio.gather(*(gateway.start_batch(batch.id, batch.size) for _ in range(4)))
    handle = world.client.get_workflow_handle_for(BulkWorkflow.run, bulk_workflow_id(batch.id))
    await batch.working.wait()
    await handle.terminate()
    await gateway.start_batch(batch.id, batch.size)
    assert batch.hold is not None
    batch.hold.set()
    assert (await handle.result()).sent == 10
    await gateway.start_batch(batch.id, batch.size)
    assert (await handle.describe()).status is WorkflowExecutionStatus.COMPLETED
    assert batch.ended == 1


async def test_what_is_known_shows_in_the_web_ui(world: World, gateway: TemporalGateway) -> None:
    case = world.ledger.add(Case({Channel.EMAIL: NOW}))
    await gateway.start_notification(case.id, 0, replace(ABOUT, id=case.id))
    seen = await handle_of(world, case).describe()
    assert await seen.static_summary() == "job_match → email, websocket"
    assert seen.typed_search_attributes[NOTIFICATION_TYPE] == "job_match"
    assert seen.typed_search_attributes[CHANNEL] == ["email", "websocket"]
    assert seen.typed_search_attributes[USER_HASH] == keyed_hash(KEY, "user", ABOUT.user_id)
    assert ABOUT.user_id not in str(seen.raw_description)


async def test_a_namespace_without_search_attributes_does_not_stop_it(world: World) -> None:
    bare = await bare_namespace(world)
    client = await connect(world.client.service_client.config.target_host, bare)
    gateway = TemporalGateway(client, KEY)
    await gateway.start_notification(ABOUT.id, 0, ABOUT)
    seen = await client.get_workflow_handle(notification_workflow_id(ABOUT.id)).describe()
    assert await seen.static_summary() == "job_match → email, websocket"


async def test_a_signal_wakes_it(world: World, gateway: TemporalGateway) -> None:
    case = Case({Channel.EMAIL: timedelta(days=1)})
    handle = await world.start(case, skip=False)
    await case.planned.wait()
    case.send_now = True
    await gateway.signal_notification(case.id, 0, SignalKind.SEND_NOW)
    await handle.result()
    assert case.sent == [Channel.EMAIL]


async def test_nobody_there_to_be_woken_is_fine(gateway: TemporalGateway) -> None:
    await gateway.signal_notification(new_id(), 0, SignalKind.CANCEL)


async def test_check_finds_the_namespace(gateway: TemporalGateway) -> None:
    await gateway.check()


async def test_a_missing_namespace_is_an_outage(world: World) -> None:
    client = await connect(world.client.service_client.config.target_host, "no-such-namespace")
    with pytest.raises(Unavailable):
        await TemporalGateway(client, KEY).signal_notification(new_id(), 0, SignalKind.CANCEL)


@pytest.fixture
def closed_port() -> Iterator[int]:
    """Bound, and refusing every connection."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield taken.getsockname()[1]


async def test_a_server_that_is_away_is_known_in_a_moment(closed_port: int) -> None:
    gateway = TemporalGateway(await connect(f"127.0.0.1:{closed_port}", "herald"), KEY)
    began = time.monotonic()
    with pytest.raises(Unavailable):
        await gateway.start_notification(new_id(), 0)
    assert time.monotonic() - began < 4

    began = time.monotonic()
    for _ in range(100):
        with pytest.raises(Unavailable):
            await gateway.start_notification(new_id(), 0)
    assert time.monotonic() - began < REST_AFTER_FAILURE / 2, "the breaker answers by itself"


async def test_a_server_that_is_silent_is_away_too() -> None:
    async def say_nothing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    server = await asyncio.start_server(say_nothing, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        gateway = TemporalGateway(await connect(f"127.0.0.1:{port}", "herald"), KEY)
        began = time.monotonic()
        with pytest.raises(Unavailable):
            await gateway.start_notification(new_id(), 0)
        assert time.monotonic() - began < 2 * PATIENCE.total_seconds()


async def test_it_asks_again_after_the_rest(world: World, gateway: TemporalGateway) -> None:
    gateway._ask_again_at = time.monotonic() + 0.05
    with pytest.raises(Unavailable):
        await gateway.check()
    await asyncio.sleep(0.06)
    await gateway.check()
    await gateway.check()


async def test_an_ended_workflow_is_not_started_again(
    world: World, gateway: TemporalGateway
) -> None:
    case = Case({Channel.EMAIL: NOW})
    handle = await world.start(case, skip=False)
    await handle.result()
    await gateway.start_notification(case.id, 0)
    assert (await handle.describe()).status is WorkflowExecutionStatus.COMPLETED
    assert len(case.plans) == 1


async def bare_namespace(world: World) -> str:
    """One that knows no search attributes."""
    name = f"bare-{new_id()}"
    await world.client.workflow_service.register_namespace(
        RegisterNamespaceRequest(
            namespace=name, workflow_execution_retention_period=Duration(seconds=86_400)
        )
    )
    gateway = TemporalGateway(
        await connect(world.client.service_client.config.target_host, name), KEY
    )
    async with asyncio.timeout(30):
        while True:
            try:
                await gateway.check()
            except Unavailable:
                await asyncio.sleep(0.2)
            else:
                return name


def handle_of(world: World, case: Case):
    return world.client.get_workflow_handle_for(
        NotificationWorkflow.run, notification_workflow_id(case.id)
    )


async def test_a_worker_adds_the_search_attributes(world: World) -> None:
    bare = await bare_namespace(world)
    client = await connect(world.client.service_client.config.target_host, bare)
    await ensure_search_attributes(client)
    await ensure_search_attributes(client)
    listed = await client.operator_service.list_search_attributes(
        ListSearchAttributesRequest(namespace=bare)
    )
    assert {key.name: key.indexed_value_type for key in KEYS} == dict(listed.custom_attributes)
