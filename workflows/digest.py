"""One user's digest under one key: one durable timer, to the end of the earliest window.

Items are in the database before this workflow hears of them, and it asks the database when to look
next each time it has made a digest. So it may be told late, twice, or be started anew from nothing:
what waits is gathered once. It ends when nothing waits.
"""

from datetime import datetime
from uuid import UUID

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from activities.digests import DigestActivities
    from domain.digests.messages import (
        DigestInput,
        DigestSignal,
        DigestState,
        FlushDigestInput,
        ItemAdded,
    )
    from workflows import options


@workflow.defn(name="DigestWorkflow")
class DigestWorkflow:
    @workflow.init
    def __init__(self, command: DigestInput) -> None:
        self._command = command
        self._ends_at = command.ends_at
        self._asked = False
        self._flushes = 0
        self._digests = 0
        self._last: UUID | None = None
        self._least = options.LEAST_WAIT

    @workflow.run
    async def run(self, command: DigestInput) -> int:
        """How many digests this run made."""
        while self._asked or self._ends_at is not None:
            if self._asked or await self._is_due(self._ends_at):
                await self._flush()
            if self._is_long() and not self._asked and self._ends_at is not None:
                await workflow.wait_condition(workflow.all_handlers_finished)
                workflow.continue_as_new(command.model_copy(update={"ends_at": self._ends_at}))
        return self._digests

    @workflow.signal(name=DigestSignal.ITEM_ADDED)
    def on_item_added(self, item: ItemAdded) -> None:
        """Something waits in a window that ends then."""
        self._ends_at = _earlier(self._ends_at, item.ends_at)

    @workflow.signal(name=DigestSignal.FLUSH)
    def on_flush(self) -> None:
        """Send what waits now, whatever its window."""
        self._asked = True

    @workflow.query(name="state")
    def state(self) -> DigestState:
        """Until when it gathers, and what it has made."""
        return DigestState(ends_at=self._ends_at, digests=self._digests, last_digest_id=self._last)

    async def _is_due(self, ends_at: datetime | None) -> bool:
        """Waits for the window's end. False when there is something else to see to before."""
        if ends_at is None:
            return False
        rest = max(ends_at - workflow.now() + options.LEAST_WAIT, self._least)
        workflow.set_current_details(f"Gathering until `{ends_at.isoformat(timespec='seconds')}`")
        try:
            await workflow.wait_condition(
                lambda: self._asked or self._ends_at != ends_at or self._is_long(),
                timeout=rest,
                timeout_summary="Until the window ends",
            )
        except TimeoutError:
            return True
        return self._asked

    async def _flush(self) -> None:
        """Wishes and items that come meanwhile are kept for the next round."""
        info = workflow.info()
        window = self._ends_at or info.start_time
        everything, self._asked, self._ends_at = self._asked, False, None
        self._flushes += 1
        result = await workflow.execute_local_activity_method(
            DigestActivities.flush,
            FlushDigestInput(
                user_id=self._command.user_id,
                digest_key=self._command.digest_key,
                at=workflow.now(),
                window=window,
                flush=f"{info.run_id}/{self._flushes}",
                everything=everything,
            ),
            summary="Make the digest",
            **options.STEP,
        )
        if result.digest_id is not None:
            self._digests += 1
            self._last = result.digest_id
        self._ends_at = _earlier(self._ends_at, result.next_ends_at)
        self._least = options.REPEATED_WAIT

    def _is_long(self) -> bool:
        return workflow.info().get_current_history_length() > options.DIGEST_EVENTS


def _earlier(one: datetime | None, other: datetime | None) -> datetime | None:
    if one is None or other is None:
        return one or other
    return min(one, other)
