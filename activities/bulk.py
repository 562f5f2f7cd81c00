"""The steps of a batch; each may be repeated at any point.

What a chunk brought to its ending stays so, what an earlier attempt left in doubt is settled first,
and what has a workflow of its own is nobody else's.
"""

import logging
from typing import Final

from temporalio import activity

from activities.errors import application_errors
from activities.heartbeat import heartbeating
from activities.letting_end import let_end
from domain.bulk import BulkChunkInput, BulkEndInput, BulkTally
from domain.delivering import RetryLater
from domain.errors import HeraldError
from services.bulk.batches import BulkBatchService
from services.bulk.deliver import BulkDeliverService

TRIES_BEFORE_HANDING_OVER: Final = 5

log = logging.getLogger(__name__)


class BulkActivities:
    def __init__(self, deliveries: BulkDeliverService, batches: BulkBatchService) -> None:
        self._deliveries = deliveries
        self._batches = batches

    @activity.defn(name="deliver_bulk_chunk")
    async def deliver_bulk_chunk(self, command: BulkChunkInput) -> BulkTally:
        """What became of the chunk. Fails with `next_retry_delay` while part of it has to wait
        for a provider."""
        with heartbeating(), application_errors():
            try:
                return await let_end(self._deliveries.deliver(command))
            except (HeraldError, RetryLater):
                raise
            except Exception as surprise:
                if activity.info().attempt < TRIES_BEFORE_HANDING_OVER:
                    raise
                log.exception("bulk.chunk_handed_over", extra={"error": type(surprise).__name__})
                return await self._deliveries.hand_over(command)

    @activity.defn(name="cancel_bulk_chunk")
    async def cancel_bulk_chunk(self, command: BulkChunkInput) -> BulkTally:
        """Stops what of the chunk has not left yet; the ledger's answers are definite."""
        with heartbeating(), application_errors():
            tally = await self._batches.cancel(command)
            await self._deliveries.settle(command)
            return tally

    @activity.defn(name="end_bulk")
    async def end_bulk(self, command: BulkEndInput) -> None:
        """The batch is done."""
        with application_errors():
            await self._batches.end(command.batch_id)
