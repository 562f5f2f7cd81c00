"""Amended, hurried, planned anew while it waits or rests."""

import asyncio
from datetime import timedelta

from domain.delivering import RetryLater
from domain.enums import PlanTrigger
from domain.messages import SignalKind
from tests.workflows.ledger import NOW, Case
from tests.workflows.scenarios.base import (
    ACCEPTED,
    DAY,
    DUE,
    EMAIL,
    HOUR,
    ended,
    on_time,
    scenario,
    state_of,
)
from tests.workflows.world import Handle, World


@scenario
async def send_now(world: World) -> Handle:
    case = Case({EMAIL: DAY})
    handle = await world.start(case, skip=False)
    await case.planned.wait()
    case.send_now = True
    await handle.signal(SignalKind.SEND_NOW)
    await ended(handle, case, "sent")
    assert case.triggers == [ACCEPTED, PlanTrigger.SEND_NOW]
    return handle


@scenario
async def amended_to_a_later_instant(world: World) -> Handle:
    case = Case({EMAIL: HOUR})
    handle = await world.start(case, skip=False)
    await case.planned.wait()
    case.due[EMAIL] = 2 * DAY
    await handle.signal(SignalKind.AMEND)
    await world.replanned(case, 2)
    await world.by_hand.fast_forward(handle)
    await ended(handle, case, "sent")
    assert case.triggers == [ACCEPTED, PlanTrigger.AMENDED, DUE]
    assert on_time(case.attempts[0][1], 2 * DAY)
    return handle


@scenario
async def preferences_move_the_instant_forth_and_back(world: World) -> Handle:
    case = Case({EMAIL: DAY})
    handle = await world.start(case, skip=False)
    await case.planned.wait()
    for count, due in ((2, 5 * DAY), (3, 2 * HOUR)):
        case.due[EMAIL] = due
        await handle.signal(SignalKind.PREFERENCES_CHANGED)
        await world.replanned(case, count)
    state = await state_of(handle)
    assert state.waiting_until is not None
    assert case.start is not None
    assert state.waiting_until == case.start + 2 * HOUR
    await world.by_hand.fast_forward(handle)
    await ended(handle, case, "sent")
    assert on_time(case.attempts[0][1], 2 * HOUR)
    return handle


@scenario
async def opted_out_while_waiting(world: World) -> Handle:
    case = Case({EMAIL: DAY})
    handle = await world.start(case, skip=False)
    await case.planned.wait()
    case.refused.add(EMAIL)
    await handle.signal(SignalKind.PREFERENCES_CHANGED)
    await ended(handle, case, "skipped")
    assert case.attempts == []
    return handle


@scenario
async def amended_to_later_while_resting_before_a_retry(world: World) -> Handle:
    """The attempt after the rest finds the channel deferred, and the new instant is kept."""
    paused = RetryLater("paused", timedelta(seconds=5))
    case = Case({EMAIL: NOW}, script={EMAIL: [paused]})
    handle = await world.start(case, skip=False)
    while not (case.attempts and case.lines[EMAIL].is_open):
        await asyncio.sleep(0.01)
    case.due[EMAIL] = DAY
    await handle.signal(SignalKind.AMEND)
    await world.replanned(case, 2)
    await world.by_hand.fast_forward(handle)
    await ended(handle, case, "sent")
    assert on_time(case.attempts[-1][1], DAY)
    return handle
