"""Sent at once, sent later, skipped, expired."""

import asyncio

from domain.delivering import RetryLater
from domain.enums import Channel
from tests.workflows.ledger import NOW, Case
from tests.workflows.scenarios.base import (
    ACCEPTED,
    DAY,
    DUE,
    EMAIL,
    HOUR,
    PUSH,
    SMS,
    ended,
    on_time,
    scenario,
    state_of,
)
from tests.workflows.world import Handle, World, events, unforced


@scenario
async def immediate(world: World) -> Handle:
    """One channel, at once: twelve events, no more."""
    case = Case({EMAIL: NOW})
    handle = await ended(await world.start(case, skip=False), case, "sent")
    assert case.triggers == [ACCEPTED]
    seen = unforced(await events(handle))
    assert len(seen) <= 12, seen
    return handle


@scenario
async def several_channels_at_once(world: World) -> Handle:
    case = Case(dict.fromkeys(Channel, NOW), hold=asyncio.Event())
    handle = await world.start(case, skip=False)
    while len(case.attempts) < 4:
        await case.calling.wait()
        case.calling.clear()
    assert set((await state_of(handle)).delivering) == set(Channel)
    assert case.hold is not None
    case.hold.set()
    await ended(handle, case, "sent")
    assert len(case.plans) == 1
    return handle


@scenario
async def wait_then_send(world: World) -> Handle:
    """Three days of waiting are one timer."""
    case = Case({EMAIL: 3 * DAY})
    handle = await ended(await world.start(case), case, "sent")
    assert case.triggers == [ACCEPTED, DUE]
    assert on_time(case.attempts[0][1], 3 * DAY)
    assert (await events(handle)).count("TIMER_STARTED") == 1
    return handle


@scenario
async def one_now_one_later(world: World) -> Handle:
    case = Case({EMAIL: NOW, SMS: 9 * HOUR})
    handle = await ended(await world.start(case), case, "sent")
    assert [channel for channel, _ in case.attempts] == [EMAIL, SMS]
    assert on_time(case.attempts[1][1], 9 * HOUR)
    assert (await events(handle)).count("TIMER_STARTED") == 1
    return handle


@scenario
async def later_one_is_due_while_the_first_is_retried(world: World) -> Handle:
    """The later channel does not wait for the earlier one's troubles."""
    resting = RetryLater("http_503", 5 * HOUR)
    case = Case({EMAIL: NOW, SMS: HOUR}, script={EMAIL: [resting]})
    handle = await ended(await world.start(case), case, "sent")
    assert [channel for channel, _ in case.attempts] == [EMAIL, SMS, EMAIL]
    return handle


@scenario
async def several_waits(world: World) -> Handle:
    case = Case({EMAIL: HOUR, SMS: 2 * HOUR, PUSH: 3 * HOUR})
    handle = await ended(await world.start(case), case, "sent")
    assert case.triggers == [ACCEPTED, DUE, DUE, DUE]
    return handle


@scenario
async def skipped_at_once(world: World) -> Handle:
    case = Case({EMAIL: NOW}, refused={EMAIL})
    handle = await ended(await world.start(case, skip=False), case, "skipped")
    assert "ACTIVITY_TASK_SCHEDULED" not in await events(handle)
    return handle


@scenario
async def expires_while_waiting(world: World) -> Handle:
    case = Case({EMAIL: DAY}, expires_after=2 * HOUR)
    handle = await ended(await world.start(case), case, "expired")
    assert case.attempts == []
    assert on_time(case.plans[-1][1], 2 * HOUR)
    return handle
