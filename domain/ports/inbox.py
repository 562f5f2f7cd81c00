"""The live side of the in-app inbox: frames on their way to open connections."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Protocol

ANNOUNCEMENTS_CHANGED: Final = "announcements"
"""A frame of this kind is for processes: announcements changed, up to the version `seq`."""
Frame = Mapping[str, Any]
"""As a client sees it. A `read` or `removed` frame may name its `origin`, the connection that
caused it; no client is shown that."""


class InboxPublisher(Protocol):
    async def publish(self, user_id: str, frame: Frame) -> int:
        """Sends a frame to every open connection of the user, on any process. Returns how many
        processes took it; raises `ConnectionError` when the bus is away."""


class InboxBroadcaster(InboxPublisher, Protocol):
    async def broadcast(self, frame: Frame) -> int:
        """Sends a frame to every open connection of every user, on any process. Returns how many
        processes took it; raises `ConnectionError` when the bus is away."""


@dataclass(frozen=True, slots=True)
class LiveFrame:
    """A frame as the bus hands it on: read once, however many connections get it."""

    kind: str
    text: str
    """The JSON a client is sent."""
    seq: int = 0
    """Of a notification: its number in the user's inbox."""
    origin: str | None = None
    version: int = 0
    """Of an announcement: the place of its change among all changes."""


class Reader(Protocol):
    """An open connection, as the bus sees it."""

    @property
    def seq(self) -> int:
        """The last item it has."""

    def heard(self, frame: LiveFrame) -> None:
        """Takes a frame at once, or none any more; never makes others wait."""
