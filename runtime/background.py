"""A bounded queue of work for later, and the tasks that work it off.

Best effort on purpose: what does not fit, fails, or is cut off is left to a relay, which finds it
in the database.
"""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Final, Generic, TypeVar

DRAIN_PATIENCE: Final = timedelta(seconds=2)

T = TypeVar("T")


class Background(Generic[T]):
    def __init__(self, work: Callable[[T], Awaitable[None]], *, size: int, in_flight: int) -> None:
        """`work` raises nothing but its own cancellation."""
        self._work = work
        self._waiting: asyncio.Queue[T] = asyncio.Queue(size)
        self._in_flight = in_flight
        self._tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        self._tasks = [asyncio.create_task(self._run()) for _ in range(self._in_flight)]

    async def stop(self) -> int | None:
        """Works on for `DRAIN_PATIENCE` at most. None when all was done by then, else how many
        were not begun; those under way are cancelled."""
        left = None
        try:
            async with asyncio.timeout(DRAIN_PATIENCE.total_seconds()):
                await self.idle()
        except TimeoutError:
            left = self._waiting.qsize()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        return left

    def put(self, item: T) -> bool:
        """False when the queue is full."""
        try:
            self._waiting.put_nowait(item)
        except asyncio.QueueFull:
            return False
        return True

    async def idle(self) -> None:
        """Returns when all that was put so far has been tried."""
        await self._waiting.join()

    async def _run(self) -> None:
        while True:
            item = await self._waiting.get()
            try:
                await self._work(item)
            finally:
                self._waiting.task_done()
