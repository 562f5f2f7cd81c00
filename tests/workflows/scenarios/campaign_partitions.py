"""A partition of a campaign by itself: chunk after chunk, put off, held, broken, begun anew."""

from datetime import timedelta

from temporalio.client import WorkflowHandle
from temporalio.exceptions import ApplicationError

from domain.campaigns.ids import partition_workflow_id
from domain.campaigns.messages import Again, ChunkCounts, PartitionInput
from domain.ids import CAMPAIGNS_QUEUE
from tests.workflows.book import PAUSED, RUNNING, Sends
from tests.workflows.scenarios.base import DAY, HOUR, SOON, on_time, scenario
from tests.workflows.scenarios.campaigns import tried
from tests.workflows.world import World
from workflows.campaign_partition import CampaignPartitionWorkflow

PartitionHandle = WorkflowHandle[CampaignPartitionWorkflow, ChunkCounts]


async def partition(world: World, case: Sends, command: PartitionInput) -> PartitionHandle:
    world.book.add(case)
    return await world.skipping.client.start_workflow(
        CampaignPartitionWorkflow.run,
        command,
        id=partition_workflow_id(case.id, command.low),
        task_queue=CAMPAIGNS_QUEUE,
    )


@scenario
async def partition_of_chunks(world: World) -> PartitionHandle:
    case = Sends()
    command = PartitionInput(campaign_id=case.id, low=1000, high=3250)
    handle = await partition(world, case, command)
    assert (await handle.result()).sent == 2251
    case.assert_sent_once(1000, 1500, 2000, 2500, 3000)
    return handle


@scenario
async def partition_put_off(world: World) -> PartitionHandle:
    """One timer for the earliest; each chunk again at its own instant, and only then."""
    case = Sends(script={0: [8 * HOUR, HOUR], 500: [2 * HOUR]})
    handle = await partition(world, case, PartitionInput(campaign_id=case.id, low=0, high=1499))
    await handle.result()
    assert case.done[1000] < SOON
    assert on_time(case.done[500], 2 * HOUR)
    assert on_time(case.done[0], 9 * HOUR)
    assert len(case.attempts) == 6
    return handle


@scenario
async def partition_goes_on_as_a_new_run(world: World) -> PartitionHandle:
    """With what is left, and what was counted; whatever was put off is not forgotten."""
    case = Sends(script={0: [DAY]})
    command = PartitionInput(campaign_id=case.id, low=0, high=3999, per_run=3)
    handle = await partition(world, case, command)
    first_run = world.client.get_workflow_handle_for(
        CampaignPartitionWorkflow.run, handle.id, run_id=handle.first_execution_run_id
    )
    assert (await handle.result()).sent == 4000
    case.assert_sent_once(*range(0, 4000, 500))
    assert on_time(case.done[0], DAY)
    return first_run


@scenario
async def partition_begun_with_what_was_left(world: World) -> PartitionHandle:
    case = Sends()
    command = PartitionInput(
        campaign_id=case.id, low=0, high=9999, again=(Again(low=500, high=999),),
        counts=ChunkCounts(sent=500, failed=2),
    )  # fmt: skip
    handle = await partition(world, case, command)
    assert await handle.result() == ChunkCounts(sent=1000, failed=2)
    case.assert_sent_once(500)
    return handle


@scenario
async def partition_chunk_broken_for_good(world: World) -> PartitionHandle:
    """What cannot be tried again is put off, and tried again all the same."""
    broken = ApplicationError("broken", type="broken", non_retryable=True)
    case = Sends(script={0: [broken, broken]})
    handle = await partition(world, case, PartitionInput(campaign_id=case.id, low=0, high=999))
    assert (await handle.result()).sent == 1000
    assert case.done[0] > timedelta(seconds=59)
    return handle


@scenario
async def partition_held_and_looked_at_again(world: World) -> PartitionHandle:
    case = Sends(status=PAUSED)
    handle = await partition(world, case, PartitionInput(campaign_id=case.id, low=0, high=499))
    await tried(case, 3)
    case.status = RUNNING
    assert (await handle.result()).sent == 500
    assert case.done[0] >= timedelta(seconds=59)
    return handle
