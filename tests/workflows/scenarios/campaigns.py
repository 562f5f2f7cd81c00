"""A campaign's life: waiting for its time, sending, its test, pauses, and how it ends."""

import asyncio
from datetime import timedelta

from temporalio.client import WorkflowHandle

from domain.campaigns.ids import campaign_workflow_id, partition_workflow_id
from domain.campaigns.messages import CampaignSignal, CampaignState
from domain.campaigns.records import CampaignStatus
from tests.workflows.book import PAUSED, RUNNING, Sends
from tests.workflows.ledger import NOW
from tests.workflows.scenarios.base import DAY, HOUR, SOON, on_time, scenario
from tests.workflows.world import CampaignHandle, World
from workflows.campaign import LOOK_SELDOM, CampaignWorkflow

SCHEDULED, COMPLETED = CampaignStatus.SCHEDULED, CampaignStatus.COMPLETED
CANCELLED = CampaignStatus.CANCELLED
CHANGED = CampaignSignal.CHANGED
MINUTE = timedelta(minutes=1)


async def done(handle: CampaignHandle, status: CampaignStatus = COMPLETED) -> CampaignHandle:
    state: CampaignState = await handle.result()
    assert state.status is status
    return handle


async def tried(case: Sends, attempts: int) -> None:
    while len(case.attempts) < attempts:
        await asyncio.sleep(0.01)


async def looked(case: Sends, times: int) -> None:
    while len(case.opened) < times:
        await asyncio.sleep(0.01)


@scenario
async def campaign_at_once(world: World) -> CampaignHandle:
    case = Sends(parts=[(0, 2099, None, False), (2100, 2199, None, False)])
    handle = await done(await world.send(case))
    case.assert_sent_once(0, 1000, 2000, 2100)
    assert "2200 recipients; of the partitions that ended, 2200 sent" in await handle.query(
        CampaignWorkflow.progress
    )
    return handle


@scenario
async def campaign_at_an_instant(world: World) -> CampaignHandle:
    case = Sends(status=SCHEDULED, starts_after=3 * DAY)
    handle = await done(await world.send(case))
    assert len(case.opened) == 2
    assert on_time(case.frozen[0], 3 * DAY)
    case.assert_sent_once(0, 1000)
    return handle


@scenario
async def campaign_rescheduled_earlier(world: World) -> CampaignHandle:
    case = Sends(status=SCHEDULED, starts_after=10 * DAY)
    handle = await world.send(case, skip=False)
    await looked(case, 1)
    case.starts_after = DAY
    await handle.signal(CHANGED)
    await looked(case, 2)
    await world.by_hand.fast_forward(handle)
    await done(handle)
    assert on_time(case.frozen[0], DAY)
    return handle


@scenario
async def campaign_rescheduled_later(world: World) -> CampaignHandle:
    case = Sends(status=SCHEDULED, starts_after=HOUR)
    handle = await world.send(case, skip=False)
    await looked(case, 1)
    case.starts_after = 5 * DAY
    await handle.signal(CHANGED)
    await looked(case, 2)
    await world.by_hand.fast_forward(handle)
    await done(handle)
    assert on_time(case.frozen[0], 5 * DAY)
    return handle


@scenario
async def campaign_cancelled_while_waiting(world: World) -> CampaignHandle:
    case = Sends(status=SCHEDULED, starts_after=10 * DAY)
    handle = await world.send(case, skip=False)
    await looked(case, 1)
    case.status = CANCELLED
    await handle.signal(CHANGED)
    await done(handle, CANCELLED)
    assert (case.frozen, case.attempts, len(case.finished)) == ([], [], 1)
    return handle


@scenario
async def campaign_paused_before_its_time(world: World) -> CampaignHandle:
    """Looked at less and less often, so that history stays short."""
    case = Sends(status=PAUSED, resumes_after=2 * HOUR)
    handle = await done(await world.send(case))
    assert len(case.opened) < 16
    assert case.frozen[0] < 2 * HOUR + LOOK_SELDOM + SOON
    return handle


@scenario
async def campaign_paused_and_resumed(world: World) -> CampaignHandle:
    case = Sends(hold=asyncio.Event())
    handle = await world.send(case, skip=False)
    assert case.hold is not None
    await tried(case, 2)
    case.status = PAUSED
    await handle.signal(CHANGED)
    case.hold.set()
    child = world.client.get_workflow_handle(partition_workflow_id(case.id, 0))
    await _held(child)
    case.status = RUNNING
    await handle.signal(CHANGED)
    await done(handle)
    case.assert_sent_once(0, 1000)
    return handle


async def _held(child: WorkflowHandle[object, object]) -> None:
    """Until the partition shows that it is held."""
    while True:
        history = await child.fetch_history()
        names = [event.WhichOneof("attributes") for event in history.events]
        if names.count("activity_task_completed_event_attributes") >= 2:
            return
        await asyncio.sleep(0.05)


@scenario
async def campaign_cancelled_in_the_middle(world: World) -> CampaignHandle:
    """The chunks that are out end; those of other partitions are never tried."""
    later = (2000, 2499, DAY, False)
    case = Sends(parts=[(0, 1999, None, False), later], hold=asyncio.Event())
    handle = await world.send(case, skip=False)
    assert case.hold is not None
    await tried(case, 2)
    case.status = CANCELLED
    await handle.signal(CHANGED)
    case.hold.set()
    await done(handle, CANCELLED)
    assert case.done == {}
    assert {low for low, _ in case.attempts} == {0, 1000}
    return handle


@scenario
async def campaign_test_decides(world: World) -> CampaignHandle:
    parts = [(0, 199, None, True), (200, 1999, None, False)]
    case = Sends(parts=parts, decide_after=4 * HOUR, status=CampaignStatus.TESTING)
    handle = await done(await world.send(case))
    assert case.done[0] < SOON
    assert on_time(case.decisions[0], 4 * HOUR)
    assert on_time(case.done[200], 4 * HOUR)
    case.assert_sent_once(0, 200, 1200)
    return handle


@scenario
async def campaign_winner_by_hand(world: World) -> CampaignHandle:
    parts = [(0, 199, None, True), (200, 1999, None, False)]
    case = Sends(parts=parts, by_hand=True, status=CampaignStatus.TESTING)
    handle = await world.send(case, skip=False)
    await tried(case, 1)
    case.decided = True
    await handle.signal(CHANGED)
    await done(handle)
    case.assert_sent_once(0, 200, 1200)
    return handle


@scenario
async def campaign_cancelled_during_its_test(world: World) -> CampaignHandle:
    parts = [(0, 199, None, True), (200, 1999, None, False)]
    case = Sends(parts=parts, by_hand=True, status=CampaignStatus.TESTING)
    handle = await world.send(case, skip=False)
    await tried(case, 1)
    case.status = CANCELLED
    await handle.signal(CHANGED)
    await done(handle, CANCELLED)
    assert {low for low, _ in case.attempts} <= {0}
    return handle


@scenario
async def campaign_buckets_leave_at_their_instants(world: World) -> CampaignHandle:
    parts = [
        (number * 100, number * 100 + 99, number * HOUR or None, False) for number in range(10)
    ]
    case = Sends(parts=parts)
    handle = await done(await world.send(case))
    for low, _, due, _ in parts:
        assert on_time(case.done[low], due or NOW), (low, case.done)
    return handle


@scenario
async def campaign_put_off_recipients_keep_nobody_waiting(world: World) -> CampaignHandle:
    """Quiet hours in the first partitions; the others leave at once all the same."""
    parts = [(number * 100, number * 100 + 99, None, False) for number in range(8)]
    case = Sends(parts=parts, script={low: [8 * HOUR] for low in (0, 100, 200, 300, 400)})
    handle = await done(await world.send(case))
    assert all(case.done[low] < SOON for low in (500, 600, 700)), case.done
    assert all(on_time(case.done[low], 8 * HOUR) for low in (0, 100, 200, 300, 400)), case.done
    case.assert_sent_once(*(low for low, *_ in parts))
    return handle


@scenario
async def campaign_waits_for_its_last_notifications(world: World) -> CampaignHandle:
    """Seldom and seldomer, so that history stays short."""
    case = Sends(unfinished=12)
    handle = await done(await world.send(case))
    assert case.finished[-1] > 90 * MINUTE
    gaps = [b - a for a, b in zip(case.finished, case.finished[1:], strict=False)]
    assert max(gaps) < LOOK_SELDOM + SOON
    return handle


@scenario
async def campaign_partition_ended_from_outside(world: World) -> CampaignHandle:
    """What an operator terminated is taken up again."""
    case = Sends(parts=[(0, 499, None, False)], script={0: [DAY]})
    handle = await world.send(case, skip=False)
    await tried(case, 1)
    await world.client.get_workflow_handle(partition_workflow_id(case.id, 0)).terminate()
    await world.by_hand.fast_forward(handle)
    await done(handle)
    case.assert_sent_once(0)
    return handle


@scenario
async def campaign_occurrence(world: World) -> CampaignHandle:
    """A schedule's start makes the occurrence, under a name of its own."""
    case = Sends()
    handle = await world.send(case, recurring=True)
    state = await handle.result()
    assert state.campaign_id != case.id
    occurrence = world.client.get_workflow_handle_for(
        CampaignWorkflow.run, campaign_workflow_id(state.campaign_id)
    )
    await done(occurrence)
    world.book.case(state.campaign_id).assert_sent_once(0, 1000)
    assert (len(case.occurrences), case.attempts) == (1, [])
    return handle
