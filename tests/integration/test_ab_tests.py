"""An A/B test from its row to its decision: relay, workflow, activity and database, in skipped
time."""

import asyncio
from datetime import timedelta
from types import SimpleNamespace
from typing import Any
from uuid import UUID, uuid4

import pytest
from temporalio.client import Client
from temporalio.testing import TimeSkipper, TimeSkippingConfig
from temporalio.worker import Worker

from domain.ab.definition import ABTestStatus, NewABTest, NewOutcome
from domain.ab.messages import ABTestEnding
from domain.errors import Unavailable
from domain.ids import NOTIFICATIONS_QUEUE, ab_test_workflow_id
from domain.ports.ab_tests import ABTest
from runtime.ab_test_gateway import TemporalABTests
from runtime.embedded.stack import EmbeddedStack
from runtime.temporal import connect_worker
from services.ab.relay import CLAIM, ABTestRelay
from services.ab.service import ABTestService
from tests.integration.conftest import Core, now
from tests.workflows.world import prepare
from workers.queues import make_worker
from workflows.ab_test import ABTestWorkflow

ENDED = timedelta(seconds=60)


async def created(tests: ABTestService, **change: Any) -> ABTest:
    body = {"name": "T", "variants": [{"name": "A"}, {"name": "B"}], "decideAfter": "PT4H"} | change
    return await tests.create(NewABTest.model_validate(body), "a test")


async def client_of(stack: EmbeddedStack) -> Client:
    namespace = f"ab-{uuid4().hex[:10]}"
    await prepare(stack.temporal_address, namespace)
    return await connect_worker(stack.temporal_address, namespace)


class Gateway:
    """Notes what it is asked, while it is not away."""

    def __init__(self) -> None:
        self.away = False
        self.asked: list[tuple[str, UUID]] = []

    async def start_ab_test(self, test_id: UUID) -> None:
        self._note("start", test_id)

    async def wake_ab_test(self, test_id: UUID) -> None:
        self._note("wake", test_id)

    def _note(self, what: str, test_id: UUID) -> None:
        if self.away:
            raise Unavailable("temporal_unavailable", "away")
        self.asked.append((what, test_id))


async def test_a_lost_start_is_made_up_for(core: Core) -> None:
    tests, gateway, ahead = ABTestService(core.uow, now), Gateway(), timedelta(0)
    relay = ABTestRelay(core.uow, gateway, lambda: now() + ahead)
    while await relay.run_once():
        pass
    gateway.asked.clear()
    test = await created(tests)
    gateway.away = True
    with pytest.raises(Unavailable):
        await relay.run_once()
    gateway.away = False
    assert await relay.run_once() == 0, "another relay may still be at it"
    ahead = CLAIM * 2
    assert await relay.run_once() == 1
    assert await relay.run_once() == 0
    await tests.decide(test.id, "B", "a test")
    assert await relay.run_once() == 1
    assert await relay.run_once() == 0
    assert gateway.asked == [("start", test.id), ("wake", test.id)]


async def test_decided_after_four_hours_by_its_clicks(core: Core, stack: EmbeddedStack) -> None:
    client = await client_of(stack)
    skipping = TimeSkipper(client, config=TimeSkippingConfig(enabled=True))
    tests = ABTestService(core.uow, now)
    test = await created(tests)
    users = [f"user-{n}" for n in range(400)]
    given = {user: (await tests.assign(test.id, user)).index for user in users}
    for number, user in enumerate(users):
        if number % 10 == 0 or (given[user] == 1 and number % 3 == 0):
            body = {"userId": user, "metric": "click"}
            await tests.record(test.id, NewOutcome.model_validate(body))
    relay = ABTestRelay(core.uow, TemporalABTests(skipping.client), now)
    async with worker(client, core, tests):
        while await relay.run_once():
            pass
        handle = client.get_workflow_handle_for(ABTestWorkflow.run, ab_test_workflow_id(test.id))
        async with asyncio.timeout(60):
            ending: ABTestEnding = await handle.result()
    assert ending == ABTestEnding(status=ABTestStatus.DECIDED, winner=1)
    decided = await tests.get(test.id)
    assert decided.decision is not None
    assert decided.decide_at is not None
    assert decided.decision.significant
    assert timedelta(0) <= decided.decision.at - decided.decide_at < ENDED
    assert decided.ended_at == decided.decision.at


async def test_a_hand_is_faster_than_the_clock(core: Core, stack: EmbeddedStack) -> None:
    client = await client_of(stack)
    tests = ABTestService(core.uow, now)
    relay = ABTestRelay(core.uow, TemporalABTests(client), now)
    chosen, ended = await created(tests), await created(tests, winner="manual")
    async with worker(client, core, tests):
        while await relay.run_once():
            pass
        await tests.decide(chosen.id, "B", "a test")
        await tests.stop(ended.id, "a test")
        while await relay.run_once():
            pass
        handles = [
            client.get_workflow_handle_for(ABTestWorkflow.run, ab_test_workflow_id(test.id))
            for test in (chosen, ended)
        ]
        async with asyncio.timeout(30):
            endings = [await handle.result() for handle in handles]
    assert endings == [
        ABTestEnding(status=ABTestStatus.DECIDED, winner=1),
        ABTestEnding(status=ABTestStatus.STOPPED),
    ]


def worker(client: Client, core: Core, tests: ABTestService) -> Worker:
    """As it runs beside the workflows of notifications."""
    services = SimpleNamespace(
        plan=core.planning, cancel=core.cancelling, ab_tests=tests, digests=None
    )
    return make_worker(client, NOTIFICATIONS_QUEUE, services)  # type: ignore[arg-type]
