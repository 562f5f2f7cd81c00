"""One channel after the other is not read."""

from datetime import timedelta

from domain.enums import PlanTrigger, Strategy
from domain.messages import CancelOutcome, SignalKind
from tests.workflows.ledger import NOW, Case
from tests.workflows.scenarios.base import (
    ACCEPTED,
    DAY,
    EMAIL,
    FAILED,
    INBOX,
    PUSH,
    ended,
    on_time,
    resting,
    scenario,
    state_of,
)
from tests.workflows.world import Handle, World
from workflows.notification import NotificationWorkflow


@scenario
async def escalation_read_in_time(world: World) -> Handle:
    case = Case({INBOX: NOW, EMAIL: NOW}, strategy=Strategy.ESCALATE)
    handle = await world.start(case, skip=False)
    await resting(handle)
    await handle.signal(SignalKind.ENGAGEMENT)
    await ended(handle, case, "sent")
    assert case.sent == [INBOX]
    assert case.finished == ["read_in_time"]
    return handle


@scenario
async def escalation_not_read(world: World) -> Handle:
    case = Case(
        {INBOX: NOW, PUSH: NOW, EMAIL: NOW},
        strategy=Strategy.ESCALATE,
        escalate_after=timedelta(minutes=40),
    )
    handle = await ended(await world.start(case), case, "sent")
    assert case.sent == [INBOX, PUSH, EMAIL]
    assert on_time(case.attempts[1][1], timedelta(minutes=40))
    assert on_time(case.attempts[2][1], timedelta(minutes=80))
    assert case.triggers == [ACCEPTED, PlanTrigger.ESCALATION, PlanTrigger.ESCALATION]
    return handle


@scenario
async def escalation_waits_a_quarter_of_an_hour_unless_told(world: World) -> Handle:
    case = Case({INBOX: NOW, EMAIL: NOW}, strategy=Strategy.ESCALATE)
    handle = await ended(await world.start(case), case, "sent")
    assert on_time(case.attempts[1][1], timedelta(minutes=15))
    return handle


@scenario
async def escalation_first_fails(world: World) -> Handle:
    """Nobody can read what did not arrive: the next channel is used at once."""
    case = Case({INBOX: NOW, EMAIL: NOW}, strategy=Strategy.ESCALATE, script={INBOX: [FAILED]})
    handle = await ended(await world.start(case, skip=False), case, "sent")
    assert case.sent == [EMAIL]
    return handle


@scenario
async def escalation_read_while_the_next_is_deferred(world: World) -> Handle:
    case = Case(
        {INBOX: NOW, EMAIL: DAY}, strategy=Strategy.ESCALATE, escalate_after=timedelta(minutes=1)
    )
    handle = await world.start(case, skip=False)
    await resting(handle)
    await world.by_hand.fast_forward(handle, timedelta(minutes=2))
    await world.replanned(case, 2)
    await handle.signal(SignalKind.ENGAGEMENT)
    await ended(handle, case, "sent")
    assert case.sent == [INBOX]
    assert case.finished == ["read_in_time"]
    return handle


@scenario
async def escalation_is_not_hurried_by_a_signal(world: World) -> Handle:
    case = Case({INBOX: NOW, EMAIL: NOW}, strategy=Strategy.ESCALATE)
    handle = await world.start(case, skip=False)
    await resting(handle)
    await handle.signal(SignalKind.PREFERENCES_CHANGED)
    assert (await state_of(handle)).waiting_until is not None
    await world.by_hand.fast_forward(handle)
    await ended(handle, case, "sent")
    assert case.triggers == [ACCEPTED, PlanTrigger.ESCALATION]
    assert on_time(case.attempts[1][1], timedelta(minutes=15))
    return handle


@scenario
async def escalation_cancelled(world: World) -> Handle:
    case = Case({INBOX: NOW, EMAIL: NOW}, strategy=Strategy.ESCALATE)
    handle = await world.start(case, skip=False)
    await resting(handle)
    await handle.signal(SignalKind.PREFERENCES_CHANGED)
    answer = await handle.execute_update(NotificationWorkflow.cancel)
    assert answer.outcome is CancelOutcome.PARTIALLY_SENT
    await ended(handle, case, "partially_sent")
    assert len(case.plans) == 1, "an escalation is not hurried by a signal"
    return handle
