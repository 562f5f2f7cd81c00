"""One attempt to bring a notification out on one channel.

May be repeated at any point: the ledger holds an intent from before the provider was called, so a
second attempt knows what the first may have done.
"""

from temporalio import activity

from activities.errors import application_errors
from activities.heartbeat import heartbeating
from activities.letting_end import let_end
from domain.messages import DeliverInput, DeliverResult
from services.delivery.deliver import DeliverService


class DeliveryActivities:
    def __init__(self, deliveries: DeliverService) -> None:
        self._deliveries = deliveries

    @activity.defn(name="deliver")
    async def deliver(self, command: DeliverInput) -> DeliverResult:
        """The channel's ending. Fails with the ledger's `next_retry_delay` while it has none."""
        with heartbeating(), application_errors():
            return await let_end(self._deliveries.deliver(command))
