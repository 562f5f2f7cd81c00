"""The life of one campaign: wait for its time, freeze the audience, send its partitions, let the
test decide, send the rest, end.

It holds ids, ranges and counts; recipients and words stay in the database. A signal says only that
something changed there; every step reads it anew.
"""

import asyncio
from datetime import datetime, timedelta

from temporalio import workflow
from temporalio.common import SearchAttributeKey, WorkflowIDReusePolicy
from temporalio.exceptions import FailureError, WorkflowAlreadyStartedError
from temporalio.workflow import ChildWorkflowHandle, ParentClosePolicy

with workflow.unsafe.imports_passed_through():
    from activities.campaigns import CampaignActivities
    from domain.campaigns.ids import campaign_workflow_id, partition_workflow_id
    from domain.campaigns.messages import (
        CampaignInput,
        CampaignState,
        ChunkCounts,
        FinishCampaignInput,
        FreezeInput,
        Frozen,
        OpenInput,
        Partition,
        PartitionInput,
    )
    from domain.campaigns.parts import CHUNK
    from domain.campaigns.records import CampaignStatus
    from workflows import options
    from workflows.campaign_partition import CampaignPartitionWorkflow

PARTITIONS_IN_FLIGHT = 4
"""Those that are at work; any number may wait for recipients that were put off."""
LOOK_AGAIN = timedelta(seconds=30)
LOOK_SELDOM = timedelta(minutes=15)
"""What nothing was heard of is looked at less and less often, so that history stays short."""
SCHEDULED_START = SearchAttributeKey.for_datetime("TemporalScheduledStartTime")


@workflow.defn(name="CampaignWorkflow")
class CampaignWorkflow:
    @workflow.init
    def __init__(self, command: CampaignInput) -> None:
        self._id = command.campaign_id
        self._changed = False
        self._children: dict[int, ChildWorkflowHandle[CampaignPartitionWorkflow, ChunkCounts]] = {}
        self._waiting: list[Partition] = []
        self._at_work: dict[int, Partition] = {}
        self._freed = self._over = False
        self._counts = command.counts or ChunkCounts()
        self._recipients = command.recipients
        self._looks = 0
        self._stage = "opening"

    @workflow.run
    async def run(self, command: CampaignInput) -> CampaignState:
        """Ends with how the campaign stands."""
        if command.recurring:
            return await self._occur()
        if command.counts is None:
            await self._begin(command)
        state = await self._finished(command)
        await workflow.wait_condition(workflow.all_handlers_finished)
        return state

    @workflow.signal(name="changed")
    async def on_changed(self) -> None:
        """Paused, resumed, amended, decided or cancelled: the database says which."""
        self._changed = True
        for child in list(self._children.values()):
            try:
                await child.signal(CampaignPartitionWorkflow.on_changed)
            except FailureError:
                workflow.logger.debug("campaign.partition_has_ended")

    @workflow.signal(name="resting")
    def on_resting(self, low: int) -> None:
        """A partition waits for recipients that were put off; another may work meanwhile."""
        self._at_work.pop(low, None)
        self._freed = True

    @workflow.query(name="progress")
    def progress(self) -> str:
        return self._words()

    async def _begin(self, command: CampaignInput) -> None:
        """To all of its audience; what was put off ends later."""
        state = await self._opened(command)
        if self._over:
            return
        frozen = await self._frozen()
        self._recipients = frozen.recipients
        rest = [part for part in frozen.partitions if not part.tested]
        await self._send([part for part in frozen.partitions if part.tested])
        if rest and not (state.decided or self._over):
            await self._decided()
        await self._send(rest)

    async def _occur(self) -> CampaignState:
        """Makes the occurrence that a schedule means, and starts it under its own name, by which
        it is paused and cancelled like any other."""
        occurs_at = workflow.info().typed_search_attributes.get(SCHEDULED_START)
        state = await self._ask_open(occurs_at or workflow.info().start_time)
        try:
            occurrence = await workflow.start_child_workflow(
                CampaignWorkflow.run,
                CampaignInput(campaign_id=state.campaign_id),
                id=campaign_workflow_id(state.campaign_id),
                parent_close_policy=ParentClosePolicy.ABANDON,
                id_reuse_policy=WorkflowIDReusePolicy.REJECT_DUPLICATE,
                static_summary="One of a recurring campaign's sends",
            )
            workflow.set_current_details(f"Started {occurrence.id}.")
        except WorkflowAlreadyStartedError:
            workflow.set_current_details("Somebody had started it.")
        return state

    async def _opened(self, command: CampaignInput) -> CampaignState:
        """Waits until it is due, however often that is changed."""
        seldom = LOOK_AGAIN
        while True:
            state = await self._ask_open(None)
            if state.status.is_over or state.status in {
                CampaignStatus.RUNNING,
                CampaignStatus.TESTING,
            }:
                return state
            rest = seldom
            if state.status is CampaignStatus.SCHEDULED and state.starts_at is not None:
                rest = max(state.starts_at - workflow.now(), timedelta(0)) + options.LEAST_WAIT
            self._stage = f"waiting until {state.starts_at}"
            await self._rest(rest, "Until the campaign is due")
            await self._as_a_new_run(command)
            seldom = min(2 * seldom, LOOK_SELDOM)

    async def _ask_open(self, occurs_at: datetime | None) -> CampaignState:
        self._changed = False
        state = await workflow.execute_activity_method(
            CampaignActivities.open_campaign,
            OpenInput(campaign_id=self._id, now=workflow.now(), occurs_at=occurs_at),
            summary="Open",
            **options.CAMPAIGN_STEP,
        )
        self._over = state.status.is_over
        return state

    async def _frozen(self) -> Frozen:
        self._show("freezing the audience")
        return await workflow.execute_activity_method(
            CampaignActivities.freeze_audience,
            FreezeInput(campaign_id=self._id, now=workflow.now()),
            summary="Freeze the audience",
            **options.FREEZE,
        )

    async def _send(self, partitions: list[Partition]) -> None:
        """All of them, each when it is due, a few at a time; none once the campaign is over."""
        start = workflow.now()
        self._waiting = sorted(partitions, key=lambda part: (part.due_at or start, part.low))
        running: list[asyncio.Task[None]] = []
        while await self._goes_on() or running:
            while self._waiting and self._has_room() and _is_due(self._waiting[0], workflow.now()):
                part = self._waiting.pop(0)
                self._at_work[part.low] = part
                running.append(asyncio.create_task(self._partition(part)))
            self._show("sending")
            await self._until(running)
            running = [task for task in running if not task.done()]

    async def _goes_on(self) -> bool:
        """Whether a partition waits to be begun."""
        if self._changed:
            await self._ask_open(None)
        if self._over:
            self._waiting.clear()
        return bool(self._waiting)

    def _has_room(self) -> bool:
        return len(self._at_work) < PARTITIONS_IN_FLIGHT

    async def _until(self, running: list[asyncio.Task[None]]) -> None:
        """Until a partition ends or rests, the next one is due, or the campaign changed."""
        rest = None
        if self._waiting and self._has_room() and (due_at := self._waiting[0].due_at) is not None:
            rest = max(due_at - workflow.now(), timedelta(0)) + options.LEAST_WAIT
        try:
            await workflow.wait_condition(
                lambda: self._changed or self._freed or any(task.done() for task in running),
                timeout=rest,
                timeout_summary="Until the next recipients are due",
            )
        except TimeoutError:
            return
        finally:
            self._freed = False

    async def _partition(self, part: Partition) -> None:
        """Of one that failed, or was ended or cancelled from outside, what is left is taken up
        again."""
        try:
            child = await workflow.start_child_workflow(
                CampaignPartitionWorkflow.run,
                PartitionInput(campaign_id=self._id, low=part.low, high=part.high, chunk=CHUNK),
                id=partition_workflow_id(self._id, part.low),
                parent_close_policy=ParentClosePolicy.TERMINATE,
                static_summary=f"Recipients {part.low} to {part.high}",
            )
            self._children[part.low] = child
            counts = await child
            self._counts = self._counts.plus(counts)
        except FailureError:
            workflow.logger.warning("campaign.partition_failed", extra={"low": part.low})
            again_at = workflow.now() + LOOK_AGAIN
            self._waiting.insert(0, part.model_copy(update={"due_at": again_at}))
            self._waiting.sort(key=lambda one: one.due_at or again_at)
        finally:
            self._children.pop(part.low, None)
            self._at_work.pop(part.low, None)

    async def _decided(self) -> None:
        """Waits for the outcomes, or for whoever decides by hand."""
        self._show("waiting for the test to decide")
        state = await self._ask_open(None)  # it may have been decided while its test was sent
        if not state.winner_by_hand:
            until = workflow.now() + timedelta(seconds=state.decide_after_seconds)
            while workflow.now() < until and not (state.decided or state.status.is_over):
                await self._rest(until - workflow.now(), "Until the test decides")
                state = await self._ask_open(None)
        else:
            while not (state.decided or state.status.is_over):
                await self._rest(timedelta(days=30), "Until somebody chooses the winner")
                state = await self._ask_open(None)
        if state.status.is_over:
            return
        state = await workflow.execute_activity_method(
            CampaignActivities.decide_winner,
            FinishCampaignInput(campaign_id=self._id, now=workflow.now()),
            summary="Decide the test",
            **options.CAMPAIGN_STEP,
        )
        self._over = state.status.is_over

    async def _finished(self, command: CampaignInput) -> CampaignState:
        """Completed, or cancelled; what was left pending by notifications of their own is
        waited for."""
        seldom = LOOK_AGAIN
        while True:
            self._changed = False
            state = await workflow.execute_activity_method(
                CampaignActivities.finish_campaign,
                FinishCampaignInput(campaign_id=self._id, now=workflow.now()),
                summary="Finish",
                **options.CAMPAIGN_STEP,
            )
            self._show(str(state.status))
            if state.status.is_over:
                return state
            await self._rest(seldom, "Until the last notifications have ended")
            sent = {"counts": self._counts, "recipients": self._recipients}
            await self._as_a_new_run(command.model_copy(update=sent))
            seldom = min(2 * seldom, LOOK_SELDOM)

    async def _as_a_new_run(self, command: CampaignInput) -> None:
        """After so many looks: one that is paused for months keeps a short history."""
        self._looks += 1
        if self._looks >= command.looks_per_run:
            await workflow.wait_condition(workflow.all_handlers_finished)
            workflow.continue_as_new(command)

    async def _rest(self, rest: timedelta, why: str) -> None:
        self._show(self._stage)
        try:
            await workflow.wait_condition(lambda: self._changed, timeout=rest, timeout_summary=why)
        except TimeoutError:
            return
        finally:
            self._changed = False

    def _show(self, stage: str) -> None:
        self._stage = stage
        workflow.set_current_details(self._words())

    def _words(self) -> str:
        counts = self._counts
        return (
            f"{self._recipients} recipients; of the partitions that ended, {counts.sent} sent, "
            f"{counts.skipped} skipped, {counts.failed} failed. Now: {self._stage}."
        )


def _is_due(part: Partition, now: datetime) -> bool:
    return part.due_at is None or part.due_at <= now
