"""Campaigns that are paused for months, cancelled early, or tampered with from outside."""

import asyncio
from datetime import timedelta

from domain.campaigns.ids import partition_workflow_id
from domain.campaigns.records import CampaignStatus
from tests.workflows.book import PAUSED, Sends
from tests.workflows.scenarios.base import DAY, HOUR, scenario
from tests.workflows.scenarios.campaigns import CANCELLED, CHANGED, done, tried
from tests.workflows.world import CampaignHandle, World
from workflows.campaign import CampaignWorkflow


def first_run(world: World, handle: CampaignHandle) -> CampaignHandle:
    return world.client.get_workflow_handle_for(
        CampaignWorkflow.run, handle.id, run_id=handle.first_execution_run_id
    )


@scenario
async def campaign_paused_for_long_goes_on_as_a_new_run(world: World) -> CampaignHandle:
    case = Sends(status=PAUSED, resumes_after=HOUR)
    handle = await done(await world.send(case, looks=3))
    assert case.frozen[0] >= HOUR
    case.assert_sent_once(0, 1000)
    first = first_run(world, handle)
    assert len((await first.fetch_history()).events) < 50
    return first


@scenario
async def campaign_whose_end_is_long_in_coming_goes_on_as_a_new_run(
    world: World,
) -> CampaignHandle:
    """The second run knows what was sent, and sends nothing again."""
    case = Sends(unfinished=8)
    handle = await done(await world.send(case, looks=3))
    case.assert_sent_once(0, 1000)
    assert (len(case.frozen), len(case.finished)) == (1, 9)
    assert "2000 recipients; of the partitions that ended, 2000 sent" in await handle.query(
        CampaignWorkflow.progress
    )
    return first_run(world, handle)


@scenario
async def campaign_cancelled_while_its_winner_waits(world: World) -> CampaignHandle:
    """Chosen before the test had been sent: of the rest, no partition is begun."""
    parts = [(0, 199, None, True), *((low, low + 99, None, False) for low in (200, 300, 400))]
    case = Sends(
        parts=parts, by_hand=True, decided=True, status=CampaignStatus.TESTING,
        hold=asyncio.Event(),
    )  # fmt: skip
    handle = await world.send(case, skip=False)
    assert case.hold is not None
    await tried(case, 1)
    case.status = CANCELLED
    await handle.signal(CHANGED)
    case.hold.set()
    await done(handle, CANCELLED)
    events = (await handle.fetch_history()).events
    began = [
        e for e in events if e.HasField("start_child_workflow_execution_initiated_event_attributes")
    ]
    assert len(began) == 1
    return handle


@scenario
async def campaign_partition_cancelled_from_outside(world: World) -> CampaignHandle:
    """What an operator cancelled in the Web UI is taken up again: a campaign is stopped through
    the API, which closes its accounts."""
    case = Sends(parts=[(0, 499, None, False)], script={0: [DAY]})
    handle = await world.send(case, skip=False)
    await tried(case, 1)
    child = world.client.get_workflow_handle(partition_workflow_id(case.id, 0))
    await child.cancel()
    await world.by_hand.fast_forward(handle)
    await done(handle)
    case.assert_sent_once(0)
    assert case.done[0] < timedelta(hours=1)
    return handle
