"""An A/B test is decided by its metric, by hand, or stopped."""

import asyncio

from temporalio.client import WorkflowHandle

from domain.ab.messages import ABTestEnding, ABTestInput
from domain.errors import Unavailable
from domain.ids import NOTIFICATIONS_QUEUE, ab_test_workflow_id
from tests.workflows.ab_tests import DECIDED, STOPPED, ABCase
from tests.workflows.ledger import NOW
from tests.workflows.scenarios.base import DAY, HOUR, on_time, scenario
from tests.workflows.world import World, events
from workflows.ab_test import ABTestWorkflow

Handle = WorkflowHandle[ABTestWorkflow, ABTestEnding]


async def begun(world: World, case: ABCase, *, skip: bool = True) -> Handle:
    world.ab_tests.add(case)
    client = (world.skipping if skip else world.by_hand).client
    return await client.start_workflow(
        ABTestWorkflow.run,
        ABTestInput(test_id=case.id),
        id=ab_test_workflow_id(case.id),
        task_queue=NOTIFICATIONS_QUEUE,
    )


async def looked(case: ABCase) -> None:
    while not case.looks:
        await asyncio.sleep(0.02)


@scenario
async def ab_test_decided_by_its_metric(world: World) -> Handle:
    """Four hours are one timer and two looks."""
    case = ABCase(after=4 * HOUR)
    handle = await begun(world, case)
    assert await handle.result() == ABTestEnding(status=DECIDED, winner=1)
    assert len(case.looks) == 2
    assert on_time(case.looks[1], 4 * HOUR)
    assert (await events(handle)).count("TIMER_STARTED") == 1
    return handle


@scenario
async def ab_test_decided_by_hand(world: World) -> Handle:
    """Ninety days early."""
    case = ABCase(after=90 * DAY)
    handle = await begun(world, case, skip=False)
    await looked(case)
    state = await handle.query(ABTestWorkflow.state)
    assert state is not None
    assert case.start is not None
    assert (state.ended, state.decide_at) == (False, case.start + 90 * DAY)
    case.end(DECIDED, 0)
    await world.ab_gateway.wake_ab_test(case.id)
    assert await handle.result() == ABTestEnding(status=DECIDED, winner=0)
    return handle


@scenario
async def ab_test_that_only_a_hand_decides(world: World) -> Handle:
    """No timer runs; a signal without a decision changes nothing."""
    case = ABCase()
    handle = await begun(world, case, skip=False)
    await looked(case)
    await world.ab_gateway.wake_ab_test(case.id)
    while len(case.looks) < 2:
        await asyncio.sleep(0.02)
    case.end(STOPPED)
    await world.ab_gateway.wake_ab_test(case.id)
    assert await handle.result() == ABTestEnding(status=STOPPED)
    assert "TIMER_STARTED" not in await events(handle)
    return handle


@scenario
async def ab_test_decided_by_hand_unheard(world: World) -> Handle:
    """Nobody could tell the workflow: it finds out when its own time has come."""
    case = ABCase(after=DAY)
    handle = await begun(world, case, skip=False)
    await looked(case)
    case.end(DECIDED, 2)
    await world.by_hand.fast_forward(handle)
    assert await handle.result() == ABTestEnding(status=DECIDED, winner=2)
    return handle


@scenario
async def ab_test_ended_before_it_began(world: World) -> Handle:
    case = ABCase(after=DAY, status=STOPPED)
    handle = await begun(world, case, skip=False)
    assert await handle.result() == ABTestEnding(status=STOPPED)
    assert case.looks == [NOW]
    return handle


@scenario
async def ab_test_outlives_the_database(world: World) -> Handle:
    away = Unavailable("database_unavailable", "away")
    case = ABCase(after=HOUR, failures=[away, away, away])
    handle = await begun(world, case)
    assert await handle.result() == ABTestEnding(status=DECIDED, winner=1)
    return handle
