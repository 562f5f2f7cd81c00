"""One attempt to bring a notification out on one channel.

May be repeated at any point: the ledger holds an intent from before the provider was called, so a
second attempt knows what the first may have done.
"""

import asyncio

from temporalio import activity

from activities.errors import application_errors
from activities.heartbeat import heartbeating
from domain.messages import DeliverInput, DeliverResult
from services.deliver import DeliverService


class DeliveryActivities:
    def __init__(self, deliveries: DeliverService) -> None:
        self._deliveries = deliveries

    @activity.defn(name="deliver")
    async def deliver(self, command: DeliverInput) -> DeliverResult:
        """The channel's ending. Fails with the ledger's `next_retry_delay` while it has none."""
        with heartbeating(), application_errors():
            work = asyncio.ensure_future(self._deliveries.deliver(command))
            try:
                return await asyncio.shield(work)
            except asyncio.CancelledError:
                if _must_stop():
                    work.cancel()
                    await asyncio.wait([work])
                    raise
                return await work


def _must_stop() -> bool:
    """Whether this attempt is over whatever it does: its process ends, or its time is up and
    another attempt may have begun. A mere wish to cancel lets a provider call that has begun end,
    so that the ledger learns how."""
    why = activity.cancellation_details()
    return why is None or why.worker_shutdown or why.timed_out or why.not_found
