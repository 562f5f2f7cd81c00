"""Every path of a notification's life, each driven and checked on a real server.

The tests run them; `python -m tests.replay.record` keeps their histories.
"""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta

from temporalio.client import WorkflowUpdateStage
from temporalio.service import RPCError, RPCStatusCode

from domain.delivering import RetryLater
from domain.enums import Channel, NotificationStatus, PlanTrigger, Strategy
from domain.errors import Conflict, Invalid, Unavailable
from domain.messages import CancelOutcome, CancelResult, DeliverOutcome, SignalKind
from tests.workflows.ledger import NOW, Case
from tests.workflows.world import Handle, World, events
from workflows.notification import NotificationWorkflow
from workflows.progress import NotificationState

EMAIL, SMS, PUSH, INBOX = Channel.EMAIL, Channel.SMS, Channel.PUSH, Channel.WEBSOCKET
SENT, FAILED, UNKNOWN = DeliverOutcome.SENT, DeliverOutcome.FAILED, DeliverOutcome.UNKNOWN
SKIPPED = DeliverOutcome.SKIPPED
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
ACCEPTED, DUE = PlanTrigger.ACCEPTED, PlanTrigger.DUE
SOON = timedelta(seconds=60)
"""Timers wake within this of their instant, on a machine with other work to do."""

Scenario = Callable[[World], Awaitable[Handle]]
SCENARIOS: dict[str, Scenario] = {}


def scenario(path: Scenario) -> Scenario:
    SCENARIOS[path.__name__] = path
    return path


def on_time(at: timedelta, due: timedelta) -> bool:
    return due <= at < due + SOON


async def ended(handle: Handle, case: Case, outcome: str) -> Handle:
    result = await handle.result()
    assert result.outcome == outcome, (result, case)
    case.assert_closed()
    return handle


async def state_of(handle: Handle) -> NotificationState:
    return await handle.query(NotificationWorkflow.state)


@scenario
async def immediate(world: World) -> Handle:
    """One channel, at once: twelve events, no more."""
    case = Case({EMAIL: NOW})
    handle = await ended(await world.start(case, skip=False), case, "sent")
    assert case.triggers == [ACCEPTED]
    assert len(await events(handle)) <= 12
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
async def cancel_by_signal_while_waiting(world: World) -> Handle:
    case = Case({EMAIL: DAY})
    handle = await world.start(case, skip=False)
    await case.planned.wait()
    await handle.signal(SignalKind.CANCEL)
    await ended(handle, case, "cancelled")
    assert case.status is NotificationStatus.CANCELLED
    assert case.attempts == []
    return handle


@scenario
async def cancel_by_update_while_waiting(world: World) -> Handle:
    case = Case({EMAIL: DAY})
    handle = await world.start(case, skip=False)
    await case.planned.wait()
    answer = await handle.execute_update(NotificationWorkflow.cancel)
    assert answer == CancelResult(outcome=CancelOutcome.CANCELLED)
    await ended(handle, case, "cancelled")
    assert case.attempts == []
    return handle


@scenario
async def cancelled_in_the_ledger_first(world: World) -> Handle:
    """As the API does it: the ledger decides, the workflow hears of it."""
    case = Case({EMAIL: DAY})
    handle = await world.start(case, skip=False)
    await case.planned.wait()
    await world.ledger.cancel(case.id)
    await handle.signal(SignalKind.CANCEL)
    await ended(handle, case, "cancelled")
    assert case.cancels == [CancelOutcome.CANCELLED, CancelOutcome.ALREADY_FINAL]
    return handle


@scenario
async def cancelled_before_the_first_plan(world: World) -> Handle:
    case = world.ledger.add(Case({EMAIL: DAY}))
    await world.ledger.cancel(case.id)
    return await ended(await world.start(case, skip=False), case, "cancelled")


@scenario
async def cancel_request_from_the_web_ui(world: World) -> Handle:
    """Temporal's own cancellation ends it in the same way, with the ledger closed."""
    case = Case({EMAIL: DAY})
    handle = await world.start(case, skip=False)
    await case.planned.wait()
    await handle.cancel()
    return await ended(handle, case, "cancelled")


@scenario
async def cancel_during_the_provider_call(world: World) -> Handle:
    """What has begun is let end; the answer does not say that it was stopped."""
    case = Case({EMAIL: NOW}, hold=asyncio.Event())
    handle = await world.start(case, skip=False)
    await case.calling.wait()
    answer = await handle.execute_update(NotificationWorkflow.cancel)
    assert answer.outcome is CancelOutcome.ALREADY_SENT
    assert case.hold is not None
    case.hold.set()
    await ended(handle, case, "sent")
    return handle


@scenario
async def cancel_when_one_is_out(world: World) -> Handle:
    case = Case({EMAIL: NOW, SMS: DAY})
    handle = await world.start(case, skip=False)
    while EMAIL not in case.sent:
        await asyncio.sleep(0.01)
    answer = await handle.execute_update(NotificationWorkflow.cancel)
    assert answer.outcome is CancelOutcome.PARTIALLY_SENT
    await ended(handle, case, "partially_sent")
    assert case.sent == [EMAIL]
    return handle


@scenario
async def cancel_while_resting_before_a_retry(world: World) -> Handle:
    """A rest of an hour is not waited out."""
    case = Case({EMAIL: NOW}, script={EMAIL: [RetryLater("http_503", HOUR)]})
    handle = await world.start(case, skip=False)
    while not (case.attempts and case.lines[EMAIL].is_open):
        await asyncio.sleep(0.01)
    answer = await handle.execute_update(NotificationWorkflow.cancel)
    assert answer.outcome is CancelOutcome.CANCELLED
    await ended(handle, case, "cancelled")
    assert len(case.attempts) == 1
    return handle


@scenario
async def cancel_when_all_is_over(world: World) -> Handle:
    """A workflow that has ended refuses the update; the gateway lets the signal be."""
    case = Case({EMAIL: NOW})
    handle = await ended(await world.start(case, skip=False), case, "sent")
    try:
        await handle.execute_update(NotificationWorkflow.cancel)
    except RPCError as error:
        assert error.status is RPCStatusCode.NOT_FOUND
    else:
        raise AssertionError("an ended workflow took an update")
    await world.gateway.signal_notification(case.id, 0, SignalKind.CANCEL)
    return handle


@scenario
async def cancel_twice(world: World) -> Handle:
    case = Case({EMAIL: DAY}, hold=asyncio.Event())
    handle = await world.start(case, skip=False)
    await case.planned.wait()
    update = await handle.start_update(
        NotificationWorkflow.cancel, wait_for_stage=WorkflowUpdateStage.ACCEPTED
    )
    answers = await asyncio.gather(
        update.result(), handle.signal(SignalKind.CANCEL), return_exceptions=True
    )
    assert isinstance(answers[0], CancelResult)
    await ended(handle, case, "cancelled")
    assert case.cancels[0] is CancelOutcome.CANCELLED
    assert set(case.cancels[1:]) <= {CancelOutcome.ALREADY_FINAL}
    return handle


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
    paused = RetryLater("paused", timedelta(seconds=1))
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


@scenario
async def fallback_first_succeeds(world: World) -> Handle:
    case = Case({PUSH: NOW, SMS: NOW}, strategy=Strategy.FALLBACK)
    handle = await ended(await world.start(case, skip=False), case, "sent")
    assert case.sent == [PUSH]
    assert len(await events(handle)) <= 12
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


@scenario
async def escalation_read_in_time(world: World) -> Handle:
    case = Case({INBOX: NOW, EMAIL: NOW}, strategy=Strategy.ESCALATE)
    handle = await world.start(case, skip=False)
    while (await state_of(handle)).waiting_until is None:
        await asyncio.sleep(0.01)
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
    while (await state_of(handle)).waiting_until is None:
        await asyncio.sleep(0.01)
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
    while (await state_of(handle)).waiting_until is None:
        await asyncio.sleep(0.01)
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
    while (await state_of(handle)).waiting_until is None:
        await asyncio.sleep(0.01)
    await handle.signal(SignalKind.PREFERENCES_CHANGED)
    answer = await handle.execute_update(NotificationWorkflow.cancel)
    assert answer.outcome is CancelOutcome.PARTIALLY_SENT
    await ended(handle, case, "partially_sent")
    assert len(case.plans) == 1, "an escalation is not hurried by a signal"
    return handle


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
    assert len(await events(handle)) <= 12
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
