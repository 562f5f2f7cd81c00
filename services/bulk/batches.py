"""A batch's ending: stopped before its time, or done."""

from uuid import UUID

from domain.bulk import BulkChunkInput, BulkTally
from domain.messages import CancelOutcome
from domain.ports.bulk import BulkUnitOfWork
from services.notifications.cancel_many import CancelManyService


class BulkBatchService:
    def __init__(self, uow: BulkUnitOfWork, cancels: CancelManyService) -> None:
        self._uow = uow
        self._cancels = cancels

    async def cancel(self, command: BulkChunkInput) -> BulkTally:
        """Stops what of the chunk has not left yet."""
        async with self._uow() as tx:
            ids = await tx.bulk.chunk(command.batch_id, command.first, command.size)
        outcomes = await self._cancels.cancel(ids)
        stopped = sum(outcome is CancelOutcome.CANCELLED for outcome in outcomes.values())
        return BulkTally(cancelled=stopped)

    async def end(self, batch_id: UUID) -> None:
        """Nothing of it is the batch's any more."""
        async with self._uow() as tx:
            await tx.bulk.end(batch_id)
