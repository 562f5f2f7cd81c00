"""Delivering a chunk of a batch. May be repeated at any point, also beside an earlier run.

A notification is the batch's until its plan is saved, together with its intent; the next run
settles first what an earlier one left in doubt. What waits, falls back, escalates, uses several
channels or is to be retried alone gets a workflow of its own.
"""

import asyncio
from collections.abc import Awaitable, Sequence
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from domain.bulk import BulkChunkInput, BulkTally
from domain.delivering import RetryLater
from domain.enums import NotificationStatus
from domain.ports.bulk import BulkUnitOfWork
from domain.ports.deliveries import AttemptResult
from domain.ports.runtime import Clock, Starter
from services.bulk.prepare import BulkPreparer, Item, Prepared, by_call
from services.bulk.record import BulkRecorder, Recorded
from services.bulk.recover import BulkRecovery
from services.delivery.attempt import Attempts

ROUNDS: Final = 5
"""How often a chunk is looked through for what the round before left to the batch."""
ALONE: Final = 20
"""Messages on their way at once to a provider that takes no batches."""
LEAST_REST: Final = timedelta(seconds=1)
MOST_REST: Final = timedelta(minutes=1)

_TALLY = {
    NotificationStatus.SENT: "sent",
    NotificationStatus.DELIVERED: "sent",
    NotificationStatus.FAILED: "failed",
    NotificationStatus.SKIPPED: "skipped",
    NotificationStatus.EXPIRED: "skipped",
    NotificationStatus.DIGESTED: "skipped",
    NotificationStatus.CANCELLED: "cancelled",
}


class BulkDeliverService:
    def __init__(
        self,
        uow: BulkUnitOfWork,
        preparer: BulkPreparer,
        recovery: BulkRecovery,
        attempts: Attempts,
        recorder: BulkRecorder,
        starter: Starter,
        clock: Clock,
    ) -> None:
        self._uow = uow
        self._preparer = preparer
        self._recovery = recovery
        self._attempts = attempts
        self._recorder = recorder
        self._starter = starter
        self._clock = clock

    async def deliver(self, command: BulkChunkInput) -> BulkTally:
        """Brings each notification of the chunk to an ending, or to a workflow of its own. Raises
        `RetryLater` while some have to wait for their provider and are the batch's still."""
        async with self._uow() as tx:
            ids = await tx.bulk.chunk(command.batch_id, command.first, command.size)
        _raise_if_any(await self._work(ids, command.now))
        return await self._tally(ids)

    async def settle(self, command: BulkChunkInput) -> None:
        """Only what an earlier run left in doubt. Raises `RetryLater` while it is."""
        async with self._uow() as tx:
            ids = await tx.bulk.chunk(command.batch_id, command.first, command.size)
        in_doubt = await self._recovery.recover(ids, self._not_before(command.now))
        recorded = await self._send(in_doubt.items)
        _raise_if_any([*in_doubt.rests, *recorded.rests])

    async def hand_over(self, command: BulkChunkInput) -> BulkTally:
        """Leaves what is still the batch's to workflows of their own: one notification that
        cannot be worked on must not hold up the others for ever."""
        async with self._uow() as tx:
            ids = await tx.bulk.chunk(command.batch_id, command.first, command.size)
        await self._release(ids)
        return await self._tally(ids)

    async def _work(self, ids: Sequence[UUID], now: datetime) -> list[timedelta]:
        """Returns how long parts of the chunk have to wait."""
        in_doubt = await self._recovery.recover(ids, self._not_before(now))
        rests, waiting = list(in_doubt.rests), list[timedelta]()
        recorded = await self._send(in_doubt.items)
        rests += recorded.rests
        looked_at: Sequence[UUID] = ids
        for _ in range(ROUNDS):
            prepared = await self._preparer.prepare(looked_at, self._not_before(now))
            recorded = await self._round(prepared)
            rests += recorded.rests
            waiting += prepared.rests
            looked_at = [*prepared.left, *recorded.at_once]
            if not looked_at:
                break
        else:
            await self._release(looked_at)
        # Places in a line come free one after the other: those that are first need not wait.
        return [*rests, min(waiting)] if waiting else rests

    async def _round(self, prepared: Prepared) -> Recorded:
        for notification_id in prepared.own:
            self._starter.start(notification_id)
        return await self._send(prepared.items)

    async def _send(self, items: Sequence[Item]) -> Recorded:
        """Makes the calls and records each as soon as it ended."""
        calls = by_call(items)
        alone = [item for item in items if item.key == item.line.id]
        batches = [batch for key, batch in calls.items() if key != batch[0].line.id]
        work: list[Awaitable[Recorded]] = [self._batch(batch) for batch in batches]
        work.append(self._one_by_one(alone))
        # All end before the first failure is told, so that no result is lost to another's.
        endings = await asyncio.gather(*work, return_exceptions=True)
        total = Recorded()
        for ending in endings:
            if isinstance(ending, BaseException):
                raise ending
            total.at_once += ending.at_once
            total.rests += ending.rests
        return total

    async def _batch(self, items: Sequence[Item]) -> Recorded:
        made = [(item.job, item.crafted, item.one) for item in items]
        results = await self._attempts.make_together(items[0].key, made)
        told = [(result, False) for result in results]
        return await self._recorder.record(items, told, together=True)

    async def _one_by_one(self, items: Sequence[Item]) -> Recorded:
        total = Recorded()
        for start in range(0, len(items), ALONE):
            few = items[start : start + ALONE]
            results: list[tuple[AttemptResult, bool]] = await asyncio.gather(
                *(self._attempts.make(item.job, item.crafted, item.one) for item in few)
            )
            recorded = await self._recorder.record(few, results, together=False)
            total.at_once += recorded.at_once
            total.rests += recorded.rests
        return total

    async def _release(self, ids: Sequence[UUID]) -> None:
        async with self._uow() as tx:
            released = await tx.bulk.release(ids, self._clock())
        for notification_id in released:
            self._starter.start(notification_id)

    async def _tally(self, ids: Sequence[UUID]) -> BulkTally:
        async with self._uow() as tx:
            found = await tx.bulk.tally(ids)
        counts: dict[str, int] = {}
        for status, number in found.items():
            word = _TALLY.get(status, "handed_over")
            counts[word] = counts.get(word, 0) + number
        return BulkTally(**counts)

    def _not_before(self, now: datetime) -> datetime:
        return max(now, self._clock())


def _raise_if_any(rests: Sequence[timedelta]) -> None:
    if rests:
        after = min(max(*rests, LEAST_REST), MOST_REST)
        raise RetryLater("batch_waits", after, f"{len(rests)} calls have to wait.")
