"""The live side of the in-app inbox."""

from collections.abc import Mapping
from typing import Any, Protocol


class InboxPublisher(Protocol):
    async def publish(self, user_id: str, frame: Mapping[str, Any]) -> int:
        """Sends a frame to every open connection of the user, on any process. Returns how many
        processes took it; raises `ConnectionError` when the bus is away."""
