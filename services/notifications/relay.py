"""The relay: whatever the API could not tell Temporal, it tells later.

Any number of relays may run. Starting a workflow twice finds the first one, and a signal heard
twice makes one more plan; so the relay needs no memory but the claim that keeps two of them from
doing the same work at the same moment.
"""

import asyncio
from collections.abc import Awaitable, Sequence
from datetime import timedelta
from uuid import UUID

from domain.errors import Unavailable
from domain.ids import new_id
from domain.messages import SignalKind
from domain.ports.bulk import BulkUnitOfWork
from domain.ports.runtime import Clock, WorkflowGateway
from domain.records.events import PendingSignal

GRACE = timedelta(seconds=5)
"""How long the process that accepted a row has for itself."""
CLAIM = timedelta(seconds=60)
BATCH = 200
IN_FLIGHT = 32


class RelayService:
    def __init__(self, uow: BulkUnitOfWork, gateway: WorkflowGateway, clock: Clock) -> None:
        self._uow = uow
        self._gateway = gateway
        self._clock = clock
        self._away = False

    async def run_once(self) -> int:
        """Starts what nobody started and tells what nobody told. Returns how many it tried.

        Raises `Unavailable` while Temporal is away; until it answers again only one row is
        tried at a time, so that the others are not held by claims when it does."""
        batch = 1 if self._away else BATCH
        try:
            done = await self._start_batches(batch)
            done += await self._start_rows(batch)
            done += await self._release_held(batch)
            done += await self._tell_signals(batch)
        except Unavailable:
            self._away = True
            raise
        self._away = False
        return done

    async def _start_batches(self, limit: int) -> int:
        """Also those that were started and are not done: their workflow may have been ended."""
        now = self._clock()
        async with self._uow() as tx:
            batches = await tx.bulk.claim_unstarted(
                older_than=now - GRACE, again_before=now - CLAIM, limit=limit
            )
        await _bounded([self._gateway.start_batch(*batch) for batch in batches])
        if batches:
            async with self._uow() as tx:
                await tx.bulk.mark_started([batch_id for batch_id, _ in batches])
        return len(batches)

    async def _start_rows(self, batch: int) -> int:
        now = self._clock()
        async with self._uow() as tx:
            rows = await tx.notifications.claim_unstarted(
                older_than=now - GRACE, again_before=now - CLAIM, limit=batch
            )
        await _bounded([self._gateway.start_notification(row, redrives) for row, redrives in rows])
        if rows:
            # A backlog that Temporal has is not told of again at each pass.
            async with self._uow() as tx:
                await tx.notifications.mark_started([row for row, _ in rows])
        return len(rows)

    async def _release_held(self, batch: int) -> int:
        """Wakes what a pause held that is over, in the order in which it is to leave."""
        now = self._clock()
        async with self._uow() as tx:
            released = await tx.deliveries.release_held(batch, now)
            signals = [
                PendingSignal(new_id(), item, redrives, SignalKind.RESUMED, now)
                for item, redrives in released
            ]
            await tx.signals.add(signals)
        await _bounded(
            [
                self._gateway.signal_notification(s.notification_id, s.redrives, s.kind)
                for s in signals
            ]
        )
        await self.mark_told([signal.id for signal in signals])
        return len(signals)

    async def _tell_signals(self, batch: int) -> int:
        now = self._clock()
        async with self._uow() as tx:
            signals = await tx.signals.claim(
                older_than=now - timedelta(seconds=1), again_before=now - CLAIM, limit=batch
            )
        await _bounded(
            [
                self._gateway.signal_notification(s.notification_id, s.redrives, s.kind)
                for s in signals
            ]
        )
        await self.mark_told([signal.id for signal in signals])
        return len(signals)

    async def mark_told(self, signal_ids: list[UUID]) -> None:
        """These signals reached their workflows, or the workflows had ended."""
        if not signal_ids:
            return
        async with self._uow() as tx:
            await tx.signals.done(signal_ids)


async def _bounded(calls: Sequence[Awaitable[None]]) -> None:
    """Awaits all, a few at a time; raises the first failure once all have ended."""
    gate = asyncio.Semaphore(IN_FLIGHT)

    async def run(call: Awaitable[None]) -> None:
        async with gate:
            await call

    answers = await asyncio.gather(*(run(call) for call in calls), return_exceptions=True)
    for answer in answers:
        if isinstance(answer, BaseException):
            raise answer
