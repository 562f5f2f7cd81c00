"""One channel after the other fails."""

import asyncio

from domain.enums import PlanTrigger, Strategy
from domain.messages import SignalKind
from tests.workflows.ledger import NOW, Case
from tests.workflows.scenarios.base import (
    ACCEPTED,
    DUE,
    EMAIL,
    FAILED,
    HOUR,
    PUSH,
    SKIPPED,
    SMS,
    UNKNOWN,
    ended,
    scenario,
    state_of,
)
from tests.workflows.world import Handle, World, events, unforced


@scenario
async def fallback_first_succeeds(world: World) -> Handle:
    case = Case({PUSH: NOW, SMS: NOW}, strategy=Strategy.FALLBACK)
    handle = await ended(await world.start(case, skip=False), case, "sent")
    assert case.sent == [PUSH]
    seen = unforced(await events(handle))
    assert len(seen) <= 12, seen
    return handle


@scenario
async def fallback_first_fails(world: World) -> Handle:
    case = Case({PUSH: NOW, SMS: NOW}, strategy=Strategy.FALLBACK, script={PUSH: [FAILED]})
    handle = await ended(await world.start(case, skip=False), case, "sent")
    assert case.triggers == [ACCEPTED, PlanTrigger.FALLBACK]
    assert case.sent == [SMS]
    return handle


@scenario
async def fallback_all_fail(world: World) -> Handle:
    case = Case(
        {PUSH: NOW, SMS: NOW, EMAIL: NOW},
        strategy=Strategy.FALLBACK,
        script={PUSH: [FAILED], SMS: [SKIPPED], EMAIL: [FAILED]},
    )
    handle = await ended(await world.start(case, skip=False), case, "failed")
    assert [channel for channel, _ in case.attempts] == [PUSH, SMS, EMAIL]
    return handle


@scenario
async def fallback_waits_for_its_first(world: World) -> Handle:
    case = Case({PUSH: HOUR, SMS: NOW}, strategy=Strategy.FALLBACK, script={PUSH: [FAILED]})
    handle = await ended(await world.start(case), case, "sent")
    assert case.triggers == [ACCEPTED, DUE, PlanTrigger.FALLBACK]
    return handle


@scenario
async def fallback_in_doubt(world: World) -> Handle:
    """It may have arrived: the next channel is not used, and is closed."""
    case = Case({PUSH: NOW, SMS: NOW}, strategy=Strategy.FALLBACK, script={PUSH: [UNKNOWN]})
    handle = await ended(await world.start(case, skip=False), case, "unknown")
    assert case.finished == ["earlier_channel_unknown"]
    return handle


@scenario
async def fallback_is_not_hurried_by_a_signal(world: World) -> Handle:
    """A plan made while the first channel is on its way starts no other."""
    case = Case({PUSH: NOW, SMS: NOW}, strategy=Strategy.FALLBACK, hold=asyncio.Event())
    handle = await world.start(case, skip=False)
    await case.calling.wait()
    await handle.signal(SignalKind.PREFERENCES_CHANGED)
    await world.replanned(case, 2)
    assert (await state_of(handle)).delivering == (PUSH,)
    assert case.hold is not None
    case.hold.set()
    await ended(handle, case, "sent")
    assert case.sent == [PUSH]
    return handle


@scenario
async def fallback_fails_after_a_signal(world: World) -> Handle:
    """The plan made meanwhile named the reserve as ready; it is used now."""
    case = Case(
        {PUSH: NOW, SMS: NOW},
        strategy=Strategy.FALLBACK,
        hold=asyncio.Event(),
        script={PUSH: [FAILED]},
    )
    handle = await world.start(case, skip=False)
    await case.calling.wait()
    await handle.signal(SignalKind.PREFERENCES_CHANGED)
    await world.replanned(case, 2)
    assert case.hold is not None
    case.hold.set()
    await ended(handle, case, "sent")
    assert case.sent == [SMS]
    return handle
