"""Retries, errors, doubts, redrives."""

from datetime import timedelta

from domain.delivering import RetryLater
from domain.enums import PlanTrigger, Strategy
from domain.errors import Conflict, Invalid, Unavailable
from tests.workflows.ledger import NOW, Case
from tests.workflows.scenarios.base import (
    EMAIL,
    FAILED,
    HOUR,
    PUSH,
    SKIPPED,
    SMS,
    UNKNOWN,
    ended,
    scenario,
)
from tests.workflows.world import Handle, World, events, unforced


@scenario
async def retried_as_the_ledger_says(world: World) -> Handle:
    """Two refusals, each with its own rest; the third attempt succeeds, in one activity."""
    rests = [RetryLater("http_503", timedelta(seconds=30)), RetryLater("http_503", HOUR)]
    case = Case({EMAIL: NOW}, script={EMAIL: [*rests]})
    handle = await ended(await world.start(case), case, "sent")
    assert len(case.attempts) == 3
    assert (await events(handle)).count("ACTIVITY_TASK_SCHEDULED") == 1
    return handle


@scenario
async def delivery_survives_an_unforeseen_error(world: World) -> Handle:
    case = Case({EMAIL: NOW}, script={EMAIL: [KeyError("oops"), Unavailable("db", "away")]})
    handle = await ended(await world.start(case), case, "sent")
    assert len(case.attempts) == 3
    return handle


@scenario
async def delivery_broken_for_good(world: World) -> Handle:
    """An error that no retry can mend closes the channel; the others go out."""
    case = Case({EMAIL: NOW, SMS: NOW}, script={EMAIL: [Invalid("bad", "bad")]})
    handle = await ended(await world.start(case, skip=False), case, "failed")
    assert case.sent == [SMS]
    assert case.finished == ["delivery_broken"]
    return handle


@scenario
async def delivery_broken_with_a_reserve(world: World) -> Handle:
    case = Case(
        {PUSH: NOW, SMS: NOW}, strategy=Strategy.FALLBACK, script={PUSH: [Invalid("bad", "bad")]}
    )
    handle = await ended(await world.start(case, skip=False), case, "failed")
    assert case.finished == ["delivery_broken"]
    return handle


@scenario
async def plan_and_delivery_disagree(world: World) -> Handle:
    """The plan says ready, the delivery says skipped, for ever: the workflow ends it."""
    case = Case(
        {PUSH: NOW, SMS: NOW},
        strategy=Strategy.FALLBACK,
        script={PUSH: [SKIPPED] * 100},
        forgetful=True,
    )
    handle = await ended(await world.start(case, skip=False), case, "skipped")
    assert len(case.attempts) == 3
    assert case.finished == ["delivery_broken"]
    return handle


@scenario
async def failed(world: World) -> Handle:
    case = Case({EMAIL: NOW, SMS: NOW}, script={EMAIL: [FAILED]})
    return await ended(await world.start(case, skip=False), case, "failed")


@scenario
async def in_doubt(world: World) -> Handle:
    case = Case({SMS: NOW}, script={SMS: [UNKNOWN]})
    return await ended(await world.start(case, skip=False), case, "unknown")


@scenario
async def planning_outlives_the_database(world: World) -> Handle:
    """A dozen failures, at first on the worker's time and then on the server's."""
    case = Case({EMAIL: NOW}, plan_failures=[Unavailable("database_unavailable", "away")] * 3)
    handle = await ended(await world.start(case), case, "sent")
    assert case.plan_failures == []
    return handle


@scenario
async def plan_overtaken(world: World) -> Handle:
    """The row changed while it was planned: planned again at once."""
    case = Case({EMAIL: NOW}, plan_failures=[Conflict("plan_overtaken", "changed")] * 2)
    handle = await ended(await world.start(case, skip=False), case, "sent")
    seen = unforced(await events(handle))
    assert len(seen) <= 12, seen
    return handle


@scenario
async def nothing_to_plan(world: World) -> Handle:
    """The row is gone: the workflow ends quietly, and a cancel says that all is over."""
    case = Case({EMAIL: NOW})
    handle = await world.start(case, skip=False, known=False)
    result = await handle.result()
    assert result.deliveries == {}
    assert case.attempts == []
    return handle


@scenario
async def redriven(world: World) -> Handle:
    case = Case({EMAIL: NOW})
    handle = await ended(await world.start(case, skip=False, redrives=2), case, "sent")
    assert handle.id == f"notification/{case.id}/redrive-2"
    assert case.triggers == [PlanTrigger.REDRIVE]
    return handle
