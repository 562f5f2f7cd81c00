"""One partition of a campaign: its chunks, a few at a time, until nothing of it is pending.

What a chunk put off (quiet hours, limits, warm-up) is worked on again when it is due: one timer
for the earliest of them, however many recipients wait. History stays short: after so many chunks
the workflow goes on as a new run, with what is left.
"""

import asyncio
from datetime import datetime, timedelta

from temporalio import workflow
from temporalio.exceptions import FailureError

with workflow.unsafe.imports_passed_through():
    from activities.campaigns import CampaignActivities
    from domain.campaigns.messages import (
        Again,
        ChunkCounts,
        ChunkInput,
        ChunkResult,
        ChunkState,
        PartitionInput,
    )
    from domain.campaigns.parts import chunks_of
    from workflows import options

IN_FLIGHT = 3
LOOK_AGAIN = timedelta(seconds=30)
"""A resumed campaign signals its partitions; one that did not hear of it looks by itself."""


@workflow.defn(name="CampaignPartitionWorkflow")
class CampaignPartitionWorkflow:
    @workflow.init
    def __init__(self, command: PartitionInput) -> None:
        self._id = command.campaign_id
        self._per_run = command.per_run
        self._counts = command.counts or ChunkCounts()
        chunks = chunks_of(command.low, command.high, command.chunk)
        self._waiting = (
            list(command.again)
            if command.again is not None
            else [Again(low=low, high=high) for low, high in chunks]
        )
        self._running: dict[int, asyncio.Task[None]] = {}
        self._done = 0
        self._changed = False
        self._held = False
        self._stopped = False
        self._told = False

    @workflow.run
    async def run(self, command: PartitionInput) -> ChunkCounts:
        """How many were sent, skipped and failed by this partition."""
        while (self._waiting or self._running) and not self._stopped:
            self._launch()
            self._show(command)
            if self._done >= self._per_run and not self._running:
                workflow.continue_as_new(
                    command.model_copy(
                        update={"again": tuple(self._waiting), "counts": self._counts}
                    )
                )
            await self._tell_that_it_rests(command)
            await self._next()
        if self._running:
            await workflow.wait([*self._running.values()])
        await workflow.wait_condition(workflow.all_handlers_finished)
        return self._counts

    @workflow.signal(name="changed")
    def on_changed(self) -> None:
        """The campaign was resumed, or is over."""
        self._changed = True

    def _launch(self) -> None:
        if self._held or self._done >= self._per_run:
            return
        now = workflow.now()
        due = [one for one in self._waiting if one.due_at is None or one.due_at <= now]
        for chunk in due[: IN_FLIGHT - len(self._running)]:
            self._waiting.remove(chunk)
            self._done += 1
            self._running[chunk.low] = asyncio.create_task(self._deliver(chunk))

    async def _tell_that_it_rests(self, command: PartitionInput) -> None:
        """Once: so that recipients who were put off do not keep another partition waiting."""
        parent, now = workflow.info().parent, workflow.now()
        put_off = all(one.due_at is not None and one.due_at > now for one in self._waiting)
        if self._told or self._running or self._held or not put_off or parent is None:
            return
        self._told = True
        try:
            handle = workflow.get_external_workflow_handle(parent.workflow_id)
            await handle.signal("resting", command.low)
        except FailureError:
            workflow.logger.debug("campaign.nobody_to_tell")
        if workflow.cancellation_reason() is not None:
            raise asyncio.CancelledError  # the SDK forgets one that came along with the answer

    async def _next(self) -> None:
        """Until a chunk ends, one is due, or the campaign changed."""
        seen = [*self._running]
        timeout = self._rest()
        if timeout is None and not seen:
            return
        try:
            await workflow.wait_condition(
                lambda: self._changed or [*self._running] != seen,
                timeout=timeout,
                timeout_summary="Until the next recipients are due",
            )
        except TimeoutError:
            self._held = False
            return
        if self._changed:
            self._changed = self._held = False

    def _rest(self) -> timedelta | None:
        """How long nothing is to be started; None while chunks run, or one may."""
        if self._running:
            return None
        if self._held:
            return LOOK_AGAIN
        instants = [one.due_at for one in self._waiting if one.due_at is not None]
        if len(instants) < len(self._waiting) or not instants:
            return None
        return max(min(instants) - workflow.now(), timedelta(0)) + options.LEAST_WAIT

    async def _deliver(self, chunk: Again) -> None:
        try:
            result = await workflow.execute_activity_method(
                CampaignActivities.deliver_chunk,
                ChunkInput(
                    campaign_id=self._id, low=chunk.low, high=chunk.high, now=workflow.now()
                ),
                summary=f"Recipients {chunk.low} to {chunk.high}",
                **options.CHUNK,
            )
            self._take(chunk, result)
        except FailureError:
            self._waiting.append(_put_off(chunk, workflow.now() + LOOK_AGAIN))
        finally:
            self._running.pop(chunk.low, None)

    def _take(self, chunk: Again, result: ChunkResult) -> None:
        self._counts = self._counts.plus(result.counts)
        if result.state is ChunkState.STOPPED:
            self._stopped = True
        elif result.state is ChunkState.HELD:
            self._held = True
            self._waiting.append(chunk)
        elif result.due_at is not None:
            self._waiting.append(_put_off(chunk, result.due_at))

    def _show(self, command: PartitionInput) -> None:
        counts = self._counts
        state = "held" if self._held else f"{len(self._running)} chunks in flight"
        workflow.set_current_details(
            f"Recipients {command.low} to {command.high}: {counts.sent} sent, "
            f"{counts.skipped} skipped, {counts.failed} failed; {len(self._waiting)} chunks to "
            f"come, {state}."
        )


def _put_off(chunk: Again, due_at: datetime) -> Again:
    return Again(low=chunk.low, high=chunk.high, due_at=due_at)
