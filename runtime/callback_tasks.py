"""Applying kept callbacks in the background, so that no vendor waits for more than the keeping.

Best effort on purpose: what does not fit the queue, fails, or is cut off is left to the relay,
which finds it in the database a second later.
"""

import logging
from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import Final, Self
from uuid import UUID

from runtime.background import Background

QUEUE_SIZE: Final = 5_000
IN_FLIGHT: Final = 4

log = logging.getLogger(__name__)

Apply = Callable[[UUID], Awaitable[None]]


class BackgroundCallbacks:
    """`async with BackgroundCallbacks(apply) as hand_over:` leaves after what was handed over is
    applied, or its patience is over."""

    def __init__(self, apply: Apply) -> None:
        self._apply = apply
        self._waiting: Background[UUID] = Background(
            self._try, size=QUEUE_SIZE, in_flight=IN_FLIGHT
        )

    async def __aenter__(self) -> Self:
        self._waiting.start()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        left = await self._waiting.stop()
        if left is not None:
            log.warning("callbacks.left_to_relay", extra={"count": left})

    def __call__(self, callback_id: UUID) -> None:
        self._waiting.put(callback_id)

    async def idle(self) -> None:
        """Returns when all that was handed over so far has been tried."""
        await self._waiting.idle()

    async def _try(self, callback_id: UUID) -> None:
        try:
            await self._apply(callback_id)
        except Exception as error:
            log.warning(
                "callback.left_to_relay",
                extra={"callback_id": str(callback_id), "error": type(error).__name__},
            )
