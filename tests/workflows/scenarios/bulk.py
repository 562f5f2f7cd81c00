"""Batches: in chunks, waiting for a provider, handed over, stopped."""

import asyncio
from datetime import timedelta

from temporalio.client import WorkflowHandle

from domain.bulk import BulkInput, BulkTally
from domain.delivering import RetryLater
from domain.ids import BULK_QUEUE, bulk_workflow_id
from tests.workflows.bulk_ledger import Batch
from tests.workflows.scenarios.base import scenario
from tests.workflows.world import World, events
from workflows.bulk import BulkWorkflow
from workflows.options import BULK_CHUNKS

BatchHandle = WorkflowHandle[BulkWorkflow, BulkTally]


async def start(world: World, batch: Batch, *, skip: bool = False) -> BatchHandle:
    world.batches.add(batch)
    skipper = world.skipping if skip else world.by_hand
    return await skipper.client.start_workflow(
        BulkWorkflow.run,
        BulkInput(batch_id=batch.id, size=batch.size),
        id=bulk_workflow_id(batch.id),
        task_queue=BULK_QUEUE,
    )


@scenario
async def batch_in_chunks(world: World) -> BatchHandle:
    """Each place once, a few chunks at a time, and a count of everything."""
    batch = Batch(1_950)
    handle = await start(world, batch)
    assert await handle.result() == BulkTally(sent=1_950)
    assert sorted(batch.delivered) == list(range(0, 1_950, 200))
    assert batch.most_at_once <= BULK_CHUNKS
    assert batch.ended == 1
    return handle


@scenario
async def batch_waits_for_a_provider(world: World) -> BatchHandle:
    """One chunk comes again when it is told; the others do not wait for it."""
    later = RetryLater("batch_waits", timedelta(minutes=1))
    batch = Batch(401, failures={200: [later, later]})
    handle = await start(world, batch, skip=True)
    assert await handle.result() == BulkTally(sent=401)
    assert batch.delivered[-1] == 200
    return handle


@scenario
async def batch_with_a_chunk_that_breaks(world: World) -> BatchHandle:
    batch = Batch(250, failures={0: [ValueError("a bug")] * 5})
    handle = await start(world, batch, skip=True)
    assert await handle.result() == BulkTally(sent=50, handed_over=200)
    assert batch.handed_over == [0]
    assert batch.ended == 1
    return handle


@scenario
async def batch_stopped_by_hand(world: World) -> BatchHandle:
    """What is under way is let end, and counted; the rest never begins."""
    batch = Batch(1_000, hold=asyncio.Event())
    handle = await start(world, batch)
    await batch.working.wait()
    await handle.cancel()
    while "ACTIVITY_TASK_CANCEL_REQUESTED" not in await events(handle):
        await asyncio.sleep(0.02)
    assert batch.hold is not None
    batch.hold.set()
    tally = await handle.result()
    assert sorted(batch.stopped) == sorted(batch.settled) == [0, 200, 400, 600, 800]
    assert len(batch.delivered) <= BULK_CHUNKS
    assert tally == BulkTally(cancelled=1_000 - 200 * len(batch.delivered))
    assert batch.ended == 1
    return handle
