"""A batch of notifications: delivered in chunks, a few at a time.

Its history holds places and counts only, so ten thousand notifications are fifty steps. What a
chunk cannot finish at once has a workflow of its own by then; the batch itself waits for nothing
but providers. Cancelling it stops, as for a single notification, whatever has not left yet.
"""

import asyncio
from collections.abc import Awaitable, Callable

from temporalio import workflow
from temporalio.exceptions import is_cancelled_exception

with workflow.unsafe.imports_passed_through():
    from activities.bulk import BulkActivities
    from domain.bulk import CHUNK_SIZE, BulkChunkInput, BulkEndInput, BulkInput, BulkTally
    from workflows import options

Step = Callable[[BulkChunkInput], Awaitable[BulkTally]]


@workflow.defn(name="BulkWorkflow")
class BulkWorkflow:
    @workflow.init
    def __init__(self, command: BulkInput) -> None:
        self._batch = command
        self._tally = BulkTally()
        self._done = 0

    @workflow.run
    async def run(self, command: BulkInput) -> BulkTally:
        """What became of the notifications, as far as it is the batch's doing."""
        try:
            await self._in_chunks(self._deliver)
        except BaseException as error:
            if not is_cancelled_exception(error):
                raise
            self._tally, self._done = BulkTally(), 0
            await self._in_chunks(self._cancel)
        await workflow.execute_activity_method(
            BulkActivities.end_bulk,
            BulkEndInput(batch_id=command.batch_id),
            summary="End",
            **options.CHUNK,
        )
        return self._tally

    @workflow.query(name="tally")
    def tally(self) -> BulkTally:
        """Of the chunks that are done."""
        return self._tally

    async def _in_chunks(self, step: Step) -> None:
        """All chunks in their order, so many at once. When it is cancelled no further chunk
        begins, and those under way are let end first."""
        places = iter(range(0, self._batch.size, CHUNK_SIZE))
        stopping = False

        async def work() -> None:
            for first in places:
                await self._chunk(step, first)
                if stopping:  # a step that ended although it was cancelled says nothing of that
                    return

        workers = [asyncio.create_task(work()) for _ in range(options.BULK_CHUNKS)]
        try:
            await workflow.wait_condition(lambda: all(worker.done() for worker in workers))
        except BaseException:
            stopping = True
            for worker in workers:
                worker.cancel()
            await workflow.wait_condition(lambda: all(worker.done() for worker in workers))
            for worker in workers:
                if not worker.cancelled():
                    worker.exception()  # how one ended that was to stop is no news
            raise
        for worker in workers:
            worker.result()

    async def _chunk(self, step: Step, first: int) -> None:
        command = BulkChunkInput(
            batch_id=self._batch.batch_id, first=first, size=CHUNK_SIZE, now=workflow.now()
        )
        counted = await step(command)
        self._tally += counted  # read after the step, as others end meanwhile
        self._done = min(self._done + CHUNK_SIZE, self._batch.size)
        workflow.set_current_details(_details(self._tally, self._done, self._batch.size))

    async def _deliver(self, command: BulkChunkInput) -> BulkTally:
        return await workflow.execute_activity_method(
            BulkActivities.deliver_bulk_chunk,
            command,
            summary=f"Deliver {command.first + 1} to {command.first + command.size}",
            **options.CHUNK,
        )

    async def _cancel(self, command: BulkChunkInput) -> BulkTally:
        return await workflow.execute_activity_method(
            BulkActivities.cancel_bulk_chunk,
            command,
            summary=f"Cancel {command.first + 1} to {command.first + command.size}",
            **options.CHUNK,
        )


def _details(tally: BulkTally, done: int, size: int) -> str:
    counts = ", ".join(f"{number} {word}" for word, number in tally if number)
    return f"{done} of {size}: {counts or 'nothing yet'}."
