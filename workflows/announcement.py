"""The life of an announcement: wait for its start, publish, send on other channels, end.

The row decides: what is shown does not wait for this workflow. It looks at the row whenever it is
told of a change and at each instant the row names, and tells open connections what became due.
"""

import asyncio
from datetime import datetime

from temporalio import workflow
from temporalio.exceptions import ActivityError, is_cancelled_exception

with workflow.unsafe.imports_passed_through():
    from activities.announcements import AnnouncementActivities
    from domain.announcements.messages import (
        AdvanceInput,
        AnnouncementInput,
        AnnouncementOutcome,
        AnnouncementStep,
    )
    from workflows import options


@workflow.defn(name="AnnouncementWorkflow")
class AnnouncementWorkflow:
    @workflow.init
    def __init__(self, command: AnnouncementInput) -> None:
        self._command = command
        self._changed = False
        self._sending: asyncio.Task[None] | None = None

    @workflow.run
    async def run(self, command: AnnouncementInput) -> AnnouncementOutcome:
        """Ends when the announcement has ended or was withdrawn."""
        step = await self._advance()
        while not step.status.is_final:
            if step.send and self._sending is None:
                self._sending = asyncio.create_task(self._send())
            await self._rest(step)
            if self._is_long() and (self._sending is None or self._sending.done()):
                workflow.continue_as_new(command)
            step = await self._advance()
        if self._sending is not None:
            await self._sending  # it notices by itself that the announcement is over
        if step.recall:
            await self._recall()
        return AnnouncementOutcome(status=step.status)

    @workflow.signal(name="changed")
    def on_changed(self) -> None:
        """It was edited or withdrawn: look at the row again."""
        self._changed = True

    async def _advance(self) -> AnnouncementStep:
        self._changed = False  # this look sees all that was changed before it
        step = await workflow.execute_local_activity_method(
            AnnouncementActivities.advance_announcement,
            AdvanceInput(announcement_id=self._command.announcement_id, now=workflow.now()),
            summary="Look at the row",
            **options.STEP,
        )
        workflow.set_current_details(step.summary)
        return step

    async def _rest(self, step: AnnouncementStep) -> None:
        """Until the next instant or change."""
        until: datetime | None = step.wait_until
        rest = None
        if until is not None:
            rest = max(until - workflow.now() + options.LEAST_WAIT, options.LEAST_WAIT)
        try:
            await workflow.wait_condition(
                lambda: self._changed, timeout=rest, timeout_summary=step.summary
            )
        except TimeoutError:
            return

    async def _send(self) -> None:
        try:
            await workflow.execute_activity_method(
                AnnouncementActivities.send_announcement,
                self._command,
                summary="Send on other channels",
                **options.SEND_ANNOUNCEMENT,
            )
        except ActivityError as error:
            if is_cancelled_exception(error):
                raise
            workflow.logger.error("announcement.not_sent")

    async def _recall(self) -> None:
        try:
            await workflow.execute_activity_method(
                AnnouncementActivities.recall_announcement,
                self._command,
                summary="Cancel what has not left",
                **options.SEND_ANNOUNCEMENT,
            )
        except ActivityError as error:
            if is_cancelled_exception(error):
                raise
            workflow.logger.error("announcement.not_recalled")

    def _is_long(self) -> bool:
        return workflow.info().get_current_history_length() >= options.LONG_HISTORY
