"""Applying kept callbacks in the background, so that no vendor waits for more than the keeping.

Best effort on purpose: what does not fit the queue, fails, or is cut off is left to the relay,
which finds it in the database a second later.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from datetime import timedelta
from types import TracebackType
from typing import Final, Self
from uuid import UUID

QUEUE_SIZE: Final = 5_000
IN_FLIGHT: Final = 4
DRAIN_PATIENCE: Final = timedelta(seconds=2)

log = logging.getLogger(__name__)

Apply = Callable[[UUID], Awaitable[None]]


class BackgroundCallbacks:
    """`async with BackgroundCallbacks(apply) as hand_over:` leaves after what was handed over is
    applied, or `DRAIN_PATIENCE` later."""

    def __init__(self, apply: Apply) -> None:
        self._apply = apply
        self._waiting: asyncio.Queue[UUID] = asyncio.Queue(QUEUE_SIZE)
        self._appliers: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> Self:
        self._appliers = [asyncio.create_task(self._run()) for _ in range(IN_FLIGHT)]
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            async with asyncio.timeout(DRAIN_PATIENCE.total_seconds()):
                await self.idle()
        except TimeoutError:
            log.warning("callbacks.left_to_relay", extra={"count": self._waiting.qsize()})
        for applier in self._appliers:
            applier.cancel()
        await asyncio.gather(*self._appliers, return_exceptions=True)

    def __call__(self, callback_id: UUID) -> None:
        if not self._waiting.full():
            self._waiting.put_nowait(callback_id)

    async def idle(self) -> None:
        """Returns when all that was handed over so far has been tried."""
        await self._waiting.join()

    async def _run(self) -> None:
        while True:
            callback_id = await self._waiting.get()
            try:
                await self._apply(callback_id)
            except Exception as error:
                log.warning(
                    "callback.left_to_relay",
                    extra={"callback_id": str(callback_id), "error": type(error).__name__},
                )
            finally:
                self._waiting.task_done()
