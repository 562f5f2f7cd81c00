"""The in-app inbox as a provider: the row is stored already, this makes it seen at once.

Nothing is lost when the bus is away: a connection reads what it missed from the inbox.
"""

import asyncio
import logging
from collections.abc import Mapping
from datetime import timedelta
from typing import Final

from domain.callbacks import Callback, Receipt
from domain.enums import Channel, DeliveryStatus
from domain.errors import Invalid, Unauthorized
from domain.ports.inbox import InboxPublisher
from domain.ports.providers import (
    Accepted,
    ConfigurationProblem,
    Found,
    OutboundMessage,
    Recovery,
    SendOutcome,
)

log = logging.getLogger(__name__)


class InboxProvider:
    """Publishes frames `{"type": "notification", "seq", "data"}` to the user's connections. A
    repeated frame has the same `seq`, by which readers know it again."""

    name: Final = "inbox"
    channel: Final = Channel.WEBSOCKET
    recovery: Final = Recovery.REPLACE

    def __init__(
        self, publisher: InboxPublisher, timeout: timedelta = timedelta(seconds=2)
    ) -> None:
        self._publisher = publisher
        self._timeout = timeout

    async def send(self, message: OutboundMessage) -> SendOutcome:
        """Always delivered: the row is the notification, the frame only makes it seen sooner."""
        data = message.message.data
        frame = {"type": "notification", "seq": data["seq"], "data": data["notification"]}
        try:
            async with asyncio.timeout(self._timeout.total_seconds()):
                await self._publisher.publish(message.user_id, frame)
        except (OSError, TimeoutError):
            log.warning("inbox.not_pushed", extra={"notification": str(message.notification_id)})
        return Accepted(str(message.delivery_id), DeliveryStatus.DELIVERED)

    async def find(self, message: OutboundMessage) -> tuple[Found, ...] | None:
        """Never asked: readers drop a frame they have."""
        return None

    async def track(self, provider_message_id: str) -> Receipt | None:
        """Stored is delivered; there is nobody else to ask."""
        return None

    async def verify_webhook(self, headers: Mapping[str, str], body: bytes, url: str) -> None:
        raise Unauthorized("no_webhooks", "The inbox sends no webhooks.")

    def parse_webhook(self, body: bytes) -> tuple[Callback, ...]:
        raise Invalid("invalid_webhook", "The inbox sends no webhooks.")

    async def validate_configuration(self) -> tuple[ConfigurationProblem, ...]:
        return ()

    async def aclose(self) -> None:
        """Holds nothing of its own."""
