"""The life of one notification: plan, wait, deliver, and turn to what is in reserve.

It closes only when the ledger has nothing open: a plan said so, every channel was brought to an
ending, or what was left was closed by `finish_notification`. Whatever it is told twice it does
once, because every step asks the ledger first. Instants come from plans, never from here. It is
one file, however long, because a replay must meet its commands in this order.
"""

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta

from temporalio import workflow
from temporalio.exceptions import FailureError, is_cancelled_exception

with workflow.unsafe.imports_passed_through():
    from activities.delivery import DeliveryActivities
    from activities.digests import DigestActivities
    from activities.planning import PlanningActivities
    from domain.digests.messages import HandOverInput
    from domain.enums import Channel, PlanTrigger, Priority, Strategy
    from domain.ids import DELIVERY_QUEUES
    from domain.messages import (
        CancelInput,
        CancelOutcome,
        CancelResult,
        DeliverInput,
        DeliverOutcome,
        FinishInput,
        NotificationInput,
        PlanInput,
        PlanResult,
    )
    from workflows import options
    from workflows.progress import (
        GATHERED,
        ORDINARY,
        NotificationOutcome,
        NotificationState,
        Progress,
    )
    from workflows.search import OUTCOME

FAILED_OR_SKIPPED = (DeliverOutcome.FAILED, DeliverOutcome.SKIPPED)
STOPPED = (CancelOutcome.CANCELLED, CancelOutcome.ALREADY_FINAL)
"""Nothing of it is with a provider, so an attempt that rests need not be waited for."""


@workflow.defn(name="NotificationWorkflow")
class NotificationWorkflow:
    @workflow.init
    def __init__(self, command: NotificationInput) -> None:
        self._id = command.notification_id
        self._progress = Progress()
        self._flights: dict[Channel, asyncio.Task[None]] = {}
        self._cancelling = asyncio.Lock()

    @workflow.run
    async def run(self, command: NotificationInput) -> NotificationOutcome:
        """Ends with what became of the notification."""
        try:
            await self._live(self._first_trigger(command))
            await self._land()
        except BaseException as error:
            if not is_cancelled_exception(error):
                raise
            await self._cancel()
            await self._land()
        outcome = self._progress.outcome()
        if outcome not in (ORDINARY, GATHERED):
            workflow.upsert_search_attributes([OUTCOME.value_set(outcome)])
        self._show()
        return NotificationOutcome(outcome=outcome, deliveries=dict(self._progress.deliveries))

    # What it can be told.

    @workflow.signal(name="cancel")
    async def on_cancel(self) -> None:
        """Stop what has not left yet."""
        await self._cancel()

    @workflow.update(name="cancel")
    async def cancel(self) -> CancelResult:
        """As the signal, with a definite answer."""
        return CancelResult(outcome=await self._cancel())

    @workflow.signal(name="amend")
    def on_amend(self) -> None:
        """Its content or instants were changed: plan again."""
        self._progress.wants_plan(PlanTrigger.AMENDED)

    @workflow.signal(name="send_now")
    def on_send_now(self) -> None:
        """Its schedule, quiet hours and limits were taken away: plan again."""
        self._progress.wants_plan(PlanTrigger.SEND_NOW)

    @workflow.signal(name="preferences_changed")
    def on_preferences_changed(self) -> None:
        """The user's choices, zone or consents changed: plan again."""
        self._progress.wants_plan(PlanTrigger.PREFERENCES_CHANGED)

    @workflow.signal(name="resumed")
    def on_resumed(self) -> None:
        """What an operator had paused goes on: plan again."""
        self._progress.wants_plan(PlanTrigger.RESUMED)

    @workflow.signal(name="engagement")
    def on_engagement(self) -> None:
        """The user read or clicked it: an escalation is no longer needed."""
        self._progress.engaged = True

    @workflow.query(name="state")
    def state(self) -> NotificationState:
        """Where it stands: the plan in a sentence, what it waits for, what was delivered."""
        return self._progress.state(tuple(self._flights))

    # What it does.

    def _first_trigger(self, command: NotificationInput) -> PlanTrigger:
        """One that waited in a digest is started again by what changed."""
        changed = self._progress.take_trigger()
        return changed or (PlanTrigger.REDRIVE if command.redrives else PlanTrigger.ACCEPTED)

    async def _live(self, first: PlanTrigger) -> None:
        trigger: PlanTrigger | None = first
        while trigger is not None and not self._stopped():
            plan = await self._make_plan(trigger)
            trigger = await self._follow(plan, trigger) if plan else None

    async def _land(self) -> None:
        await workflow.wait_condition(
            lambda: not self._flights and workflow.all_handlers_finished()
        )

    async def _make_plan(self, trigger: PlanTrigger) -> PlanResult | None:
        """None when there is nothing to plan for any more."""
        self._progress.trigger = None  # this plan reads everything anew
        command = PlanInput(notification_id=self._id, now=workflow.now(), trigger=trigger)
        try:
            plan = await workflow.execute_local_activity_method(
                PlanningActivities.plan_notification,
                command,
                summary=f"Plan: {trigger}",
                **options.STEP,
            )
        except FailureError as error:
            if is_cancelled_exception(error):
                raise
            await self._finish("planning_failed")
            return None
        self._progress.planned(plan, trigger)
        return plan

    async def _follow(self, plan: PlanResult, trigger: PlanTrigger) -> PlanTrigger | None:
        """Does what the plan says, up to the next plan's trigger; None when nothing is left."""
        if self._stopped() or plan.ended:
            return None
        if plan.hand_over:
            await self._hand_over()
        launched = self._launch(plan)
        if plan.wait_until is not None:
            return await self._wait_until(plan, plan.wait_until, trigger)
        if plan.gathered and not self._flights:
            return self._progress.take_trigger()
        if not launched and not self._flights:
            await self._finish("delivery_broken")
            return None
        self._show()
        await workflow.wait_condition(self._has_news)
        if self._stopped():
            return None
        return self._progress.take_trigger() or await self._after_delivery(plan)

    async def _hand_over(self) -> None:
        """From here on the digest's workflow sees to what is gathered. If it cannot be told, the
        relay does so."""
        try:
            await workflow.execute_local_activity_method(
                DigestActivities.hand_over,
                HandOverInput(notification_id=self._id),
                summary="Hand over to the digest",
                **options.STEP,
            )
        except FailureError as error:
            if is_cancelled_exception(error):
                raise
            workflow.logger.warning("notification.hand_over_refused")

    def _launch(self, plan: PlanResult) -> bool:
        """Starts what is ready and not on its way. A strategy that uses one channel at a time
        starts none while one is on its way."""
        if self._flights and plan.strategy is not Strategy.ALL:
            return False
        ready = [
            channel
            for channel in plan.ready
            if channel not in self._flights and channel not in self._progress.broken
        ]
        for channel in ready:
            self._flights[channel] = asyncio.create_task(self._deliver(channel, plan.priority))
        return bool(ready)

    async def _deliver(self, channel: Channel, priority: Priority) -> None:
        command = DeliverInput(notification_id=self._id, channel=channel, now=workflow.now())
        try:
            result = await workflow.execute_activity_method(
                DeliveryActivities.deliver,
                command,
                task_queue=DELIVERY_QUEUES[channel],
                summary=f"Deliver: {channel}",
                priority=options.PRIORITIES[priority],
                **options.DELIVER[channel],
            )
            if result.outcome is DeliverOutcome.HELD:
                self._progress.wants_plan(PlanTrigger.HELD)
            else:
                self._progress.landed(channel, result.outcome)
        except BaseException as error:
            if is_cancelled_exception(error):
                self._progress.landed(channel, DeliverOutcome.CANCELLED)
            elif isinstance(error, FailureError):
                self._progress.broken.add(channel)
                self._progress.landed(channel, DeliverOutcome.FAILED)
            else:
                raise
        finally:
            del self._flights[channel]

    async def _wait_until(
        self, plan: PlanResult, until: datetime, trigger: PlanTrigger
    ) -> PlanTrigger | None:
        """The durable wait. Deliveries may go on meanwhile."""
        least = options.REPEATED_WAIT if trigger is PlanTrigger.DUE else options.LEAST_WAIT
        rest = max(until - workflow.now() + options.LEAST_WAIT, least)
        if not await self._rest(rest, until, plan.summary or "Wait", self._is_woken):
            return PlanTrigger.DUE
        if self._stopped():
            return None
        if self._progress.answered:
            await self._finish("read_in_time")
            return None
        return self._progress.take_trigger()

    async def _rest(
        self, rest: timedelta, until: datetime, why: str, woken: Callable[[], bool]
    ) -> bool:
        """One timer. True when woken before it ran out."""
        self._progress.waiting_until, self._progress.waiting_for = until, why
        self._show()
        try:
            await workflow.wait_condition(woken, timeout=rest, timeout_summary=why)
        except TimeoutError:
            return False
        finally:
            self._progress.waiting_until = self._progress.waiting_for = None
        return True

    async def _after_delivery(self, plan: PlanResult) -> PlanTrigger | None:
        """Every channel on its way has landed: is one in reserve needed?"""
        progress = self._progress
        if not progress.reserve():
            if progress.broken:
                await self._finish("delivery_broken")
            return None
        if progress.last in FAILED_OR_SKIPPED:
            return PlanTrigger.FALLBACK
        if progress.last is DeliverOutcome.CANCELLED:
            return None
        if plan.strategy is Strategy.FALLBACK:
            if progress.last is DeliverOutcome.UNKNOWN:
                await self._finish("earlier_channel_unknown")
            return None
        return await self._escalation(plan)

    async def _escalation(self, plan: PlanResult) -> PlanTrigger | None:
        """Waits for the user. Wishes for another plan are let go: the one that follows the wait
        reads everything anew, and one made before it would not wait."""
        rest = plan.escalate_after or options.ESCALATE_AFTER
        why = f"Read in time, or on to {self._progress.reserve()[0]}"
        if not self._progress.answered and not await self._rest(
            rest, workflow.now() + rest, why, self._is_answered
        ):
            return PlanTrigger.ESCALATION
        if not self._stopped():
            await self._finish("read_in_time")
        return None

    async def _cancel(self) -> CancelOutcome:
        async with self._cancelling:
            outcome = await self._cancel_in_ledger()
            self._progress.cancelled = self._progress.cancelled or outcome
            if outcome in STOPPED:
                for flight in self._flights.values():
                    flight.cancel()
            self._show()
            return outcome

    async def _cancel_in_ledger(self) -> CancelOutcome:
        try:
            result = await workflow.execute_local_activity_method(
                PlanningActivities.cancel_notification,
                CancelInput(notification_id=self._id),
                summary="Cancel",
                **options.STEP,
            )
        except FailureError as error:
            if is_cancelled_exception(error):
                raise
            return CancelOutcome.ALREADY_FINAL
        return result.outcome

    async def _finish(self, reason: str) -> None:
        try:
            await workflow.execute_local_activity_method(
                PlanningActivities.finish_notification,
                FinishInput(notification_id=self._id, reason=reason),
                summary=f"Finish: {reason}",
                **options.STEP,
            )
        except FailureError as error:
            if is_cancelled_exception(error):
                raise
            workflow.logger.warning("notification.finish_refused", extra={"reason": reason})

    def _stopped(self) -> bool:
        return self._progress.cancelled is not None

    def _is_asked(self) -> bool:
        return self._stopped() or self._progress.trigger is not None

    def _has_news(self) -> bool:
        return self._is_asked() or not self._flights

    def _is_woken(self) -> bool:
        return self._is_asked() or self._progress.answered

    def _is_answered(self) -> bool:
        return self._stopped() or self._progress.answered

    def _show(self) -> None:
        workflow.set_current_details(self._progress.details(tuple(self._flights)))
