"""Telling Temporal in the background, so that no request waits for it.

Best effort on purpose: what does not fit the queue, or fails, is left to the relay, which finds
it in the database within seconds.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import Final, Protocol, Self
from uuid import UUID

from domain.enums import Priority
from domain.errors import Unavailable
from domain.records.notifications import Notification
from runtime.background import Background

QUEUE_SIZE: Final = 20_000
IN_FLIGHT: Final = 64

log = logging.getLogger(__name__)


class Gateway(Protocol):
    async def start_notification(
        self, notification_id: UUID, redrives: int, about: Notification | None = None
    ) -> None: ...

    async def start_batch(self, batch_id: UUID, size: int) -> None: ...

    async def signal_notification(
        self, notification_id: UUID, redrives: int, kind: str
    ) -> None: ...

    async def tell_announcement(self, announcement_id: UUID) -> None: ...


OnTold = Callable[[UUID], Awaitable[None]]
Call = Callable[[], Awaitable[None]]


class BackgroundStarter:
    """`async with BackgroundStarter(gateway, on_told) as starter:` leaves after what was handed
    over is told, or its patience is over. `on_told` hears of each signal that arrived, and
    `on_urgent` of each critical notification before it is started."""

    def __init__(
        self,
        gateway: Gateway,
        on_told: OnTold,
        *,
        on_urgent: Call | None = None,
        size: int = QUEUE_SIZE,
        in_flight: int = IN_FLIGHT,
    ) -> None:
        self._gateway = gateway
        self._on_told = on_told
        self._on_urgent = on_urgent
        self._calls: Background[Call] = Background(self._tell, size=size, in_flight=in_flight)
        self.left_to_relay = 0
        """How many calls were not made here."""

    async def __aenter__(self) -> Self:
        self._calls.start()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        left = await self._calls.stop()
        self.left_to_relay += left or 0

    def start(
        self, notification_id: UUID, redrives: int = 0, about: Notification | None = None
    ) -> None:
        """`about` only makes the workflow easier to find in the Web UI."""

        async def call() -> None:
            if self._on_urgent and about and about.priority is Priority.CRITICAL:
                await self._on_urgent()
            await self._gateway.start_notification(notification_id, redrives, about)

        self.put(call)

    def start_batch(self, batch_id: UUID, size: int) -> None:
        async def call() -> None:
            await self._gateway.start_batch(batch_id, size)

        self.put(call)

    def signal(self, signal_id: UUID, notification_id: UUID, redrives: int, kind: str) -> None:
        async def call() -> None:
            await self._gateway.signal_notification(notification_id, redrives, kind)
            await self._on_told(signal_id)

        self.put(call)

    def tell_announcement(self, announcement_id: UUID) -> None:
        async def call() -> None:
            await self._gateway.tell_announcement(announcement_id)

        self.put(call)

    def put(self, call: Call) -> None:
        """Any call that the relay would make later."""
        if not self._calls.put(call):
            self.left_to_relay += 1

    async def _tell(self, call: Call) -> None:
        try:
            await call()
        except asyncio.CancelledError:
            self.left_to_relay += 1
            raise
        except Unavailable:
            self.left_to_relay += 1
        except Exception:
            self.left_to_relay += 1
            log.exception("starter.call_failed")
