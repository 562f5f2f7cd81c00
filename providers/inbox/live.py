"""The in-app inbox as a provider: the row is stored already, this makes it seen at once.

Nothing is lost when the bus is away: a connection reads what it missed from the inbox.
"""

import logging
from collections.abc import Mapping

from domain.enums import Channel, DeliveryStatus
from domain.errors import Invalid
from domain.ports.inbox import InboxPublisher
from domain.ports.providers import (
    Accepted,
    ConfigurationProblem,
    Found,
    OutboundMessage,
    Receipt,
    Recovery,
    SendOutcome,
)

log = logging.getLogger(__name__)


class InboxProvider:
    def __init__(self, publisher: InboxPublisher) -> None:
        self._publisher = publisher

    @property
    def name(self) -> str:
        return "inbox"

    @property
    def channel(self) -> Channel:
        return Channel.WEBSOCKET

    @property
    def recovery(self) -> Recovery:
        return Recovery.REPLACE

    async def send(self, message: OutboundMessage) -> SendOutcome:
        """Publishes the frame; readers know a frame again by its `seq`."""
        data = message.message.data
        frame = {"type": "notification", "seq": data["seq"], "data": data["notification"]}
        try:
            await self._publisher.publish(message.user_id, frame)
        except ConnectionError:
            log.warning("inbox.not_pushed", extra={"notification": str(message.notification_id)})
        return Accepted(str(message.delivery_id), status=DeliveryStatus.DELIVERED)

    async def find(self, message: OutboundMessage) -> tuple[Found, ...] | None:
        """Never asked: readers drop a frame they have."""
        return None

    async def track(self, provider_message_id: str) -> Receipt | None:
        return None

    def parse_webhook(
        self, headers: Mapping[str, str], body: bytes, url: str
    ) -> tuple[Receipt, ...]:
        raise Invalid("no_callbacks", "The inbox sends no callbacks.")

    async def validate_configuration(self) -> tuple[ConfigurationProblem, ...]:
        return ()

    async def aclose(self) -> None:
        """Holds nothing."""
