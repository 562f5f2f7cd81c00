"""Cancelled at every moment, by every way."""

import asyncio

from temporalio.client import WorkflowUpdateStage
from temporalio.service import RPCError, RPCStatusCode

from domain.delivering import RetryLater
from domain.enums import NotificationStatus
from domain.messages import CancelOutcome, CancelResult, SignalKind
from tests.workflows.ledger import NOW, Case
from tests.workflows.scenarios.base import DAY, EMAIL, HOUR, SMS, ended, scenario
from tests.workflows.world import Handle, World
from workflows.notification import NotificationWorkflow


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
