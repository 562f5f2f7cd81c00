"""Batches behind the real activities: what each chunk says, and what was asked of it."""

import asyncio
from dataclasses import dataclass, field
from uuid import UUID

from domain.bulk import BulkChunkInput, BulkTally
from domain.ids import new_id


@dataclass
class Batch:
    size: int
    failures: dict[int, list[Exception]] = field(default_factory=dict)
    """By first place: what the next attempts at the chunk fail with."""
    hold: asyncio.Event | None = None
    """Chunks last until this is set."""
    id: UUID = field(default_factory=new_id)
    delivered: list[int] = field(default_factory=list)
    """First places of the chunks that were brought to their end."""
    stopped: list[int] = field(default_factory=list)
    settled: list[int] = field(default_factory=list)
    handed_over: list[int] = field(default_factory=list)
    at_once: int = 0
    most_at_once: int = 0
    working: asyncio.Event = field(default_factory=asyncio.Event)
    ended: int = 0


class BulkLedger:
    """Stands where BulkDeliverService and BulkBatchService stand."""

    def __init__(self) -> None:
        self._batches: dict[UUID, Batch] = {}

    def add(self, batch: Batch) -> Batch:
        self._batches[batch.id] = batch
        return batch

    async def deliver(self, command: BulkChunkInput) -> BulkTally:
        batch = self._batches[command.batch_id]
        batch.at_once += 1
        batch.most_at_once = max(batch.most_at_once, batch.at_once)
        batch.working.set()
        try:
            if batch.hold is not None:
                await batch.hold.wait()
            failures = batch.failures.get(command.first)
            if failures:
                raise failures.pop(0)
        finally:
            batch.at_once -= 1
        batch.delivered.append(command.first)
        return BulkTally(sent=self._count(batch, command))

    async def settle(self, command: BulkChunkInput) -> None:
        self._batches[command.batch_id].settled.append(command.first)

    async def hand_over(self, command: BulkChunkInput) -> BulkTally:
        batch = self._batches[command.batch_id]
        batch.handed_over.append(command.first)
        return BulkTally(handed_over=self._count(batch, command))

    async def cancel(self, command: BulkChunkInput) -> BulkTally:
        batch = self._batches[command.batch_id]
        batch.stopped.append(command.first)
        left = command.first not in batch.delivered
        return BulkTally(cancelled=self._count(batch, command) if left else 0)

    async def end(self, batch_id: UUID) -> None:
        self._batches[batch_id].ended += 1

    @staticmethod
    def _count(batch: Batch, command: BulkChunkInput) -> int:
        return min(command.size, batch.size - command.first)
