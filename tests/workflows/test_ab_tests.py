"""The relay starts and wakes the workflows of A/B tests, however often it is asked to."""

import asyncio
from datetime import timedelta

import pytest
from temporalio.client import WorkflowExecutionStatus

from domain.errors import Unavailable
from domain.ids import ab_test_workflow_id, new_id
from runtime.ab_test_gateway import TemporalABTests
from runtime.temporal import connect
from tests.workflows.ab_tests import DECIDED, ABCase
from tests.workflows.scenarios.ab_tests import looked
from tests.workflows.world import World


async def test_starting_many_times_starts_once(world: World) -> None:
    [case] = world.ab_tests.add(ABCase(after=timedelta(days=1)))
    await asyncio.gather(*(world.ab_gateway.start_ab_test(case.id) for _ in range(5)))
    await looked(case)
    case.end(DECIDED, 0)
    await world.ab_gateway.wake_ab_test(case.id)
    handle = world.client.get_workflow_handle(ab_test_workflow_id(case.id))
    await handle.result()
    await world.ab_gateway.start_ab_test(case.id)
    assert (await handle.describe()).status is WorkflowExecutionStatus.COMPLETED
    assert len(case.looks) == 2


async def test_nobody_there_to_be_woken_is_fine(world: World) -> None:
    await world.ab_gateway.wake_ab_test(new_id())


async def test_a_missing_namespace_is_an_outage(world: World) -> None:
    away = TemporalABTests(
        await connect(world.client.service_client.config.target_host, "no-such-namespace")
    )
    for call in (away.start_ab_test(new_id()), away.wake_ab_test(new_id())):
        with pytest.raises(Unavailable):
            await call
