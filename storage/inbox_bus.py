"""The live bus: one process publishes a frame, every process with that user's sockets gets it.

Valkey pub/sub, nothing stored: the inbox in PostgreSQL is the truth, and a connection that missed
a frame reads it there when it resumes.
"""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from types import TracebackType
from typing import Any, Final, Self

import orjson
from redis.asyncio import Redis
from redis.exceptions import RedisError

from domain.ids import inbox_topic

FRAMES_PER_READER: Final = 1_000
RECONNECT_AFTER: Final = 0.5
OVERFLOW: Final[Mapping[str, Any]] = {"type": "overflow"}
"""Put last when a reader is too slow: it has missed frames and must resume from the inbox."""

log = logging.getLogger(__name__)

Frame = Mapping[str, Any]


class InboxBus:
    """Implements `InboxPublisher`, and hands frames to this process's readers."""

    def __init__(self, redis: "Redis") -> None:
        self._redis = redis
        self._readers: dict[str, set[asyncio.Queue[Frame]]] = {}
        self._listening: asyncio.Task[None] | None = None
        self._subscribed = asyncio.Event()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._listening is not None:
            self._listening.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._listening

    async def publish(self, user_id: str, frame: Frame) -> int:
        """How many processes took it. Raises `ConnectionError` when Valkey is away."""
        try:
            taken: int = await self._redis.publish(inbox_topic(user_id), orjson.dumps(frame))
        except RedisError as error:
            raise ConnectionError(str(error)) from error
        return taken

    @asynccontextmanager
    async def listen(self, user_id: str) -> AsyncIterator["asyncio.Queue[Frame]"]:
        """A queue of the user's frames from now on. Ready when the block is entered."""
        if self._listening is None:
            self._listening = asyncio.create_task(self._run())
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(2):
                await self._subscribed.wait()
        queue: asyncio.Queue[Frame] = asyncio.Queue(FRAMES_PER_READER)
        self._readers.setdefault(user_id, set()).add(queue)
        try:
            yield queue
        finally:
            readers = self._readers[user_id]
            readers.discard(queue)
            if not readers:
                del self._readers[user_id]

    async def _run(self) -> None:
        """One subscription for the whole process; made again when Valkey comes back, after
        which every reader is told to resume."""
        while True:
            try:
                async with self._redis.pubsub() as pubsub:
                    await pubsub.psubscribe(inbox_topic("*"))
                    async for message in pubsub.listen():
                        self._heard(message)
            except (RedisError, OSError) as error:
                log.warning("inbox_bus.lost", extra={"error": type(error).__name__})
            self._subscribed.clear()
            await asyncio.sleep(RECONNECT_AFTER)

    def _heard(self, message: Mapping[str, Any]) -> None:
        if message["type"] == "psubscribe":
            # The client library also comes back on its own: each coming back may have missed some.
            for readers in self._readers.values():
                for queue in readers:
                    _put(queue, OVERFLOW)
            self._subscribed.set()
        elif message["type"] == "pmessage":
            try:
                self._hand_on(message)
            except ValueError:
                log.warning("inbox_bus.frame_refused")

    def _hand_on(self, message: Mapping[str, Any]) -> None:
        user_id = message["channel"].decode().removeprefix(inbox_topic(""))
        readers = self._readers.get(user_id)
        if not readers:
            return
        frame = orjson.loads(message["data"])
        for queue in readers:
            _put(queue, frame)


def _put(queue: "asyncio.Queue[Frame]", frame: Frame) -> None:
    """Never waits for a slow reader: its backlog is dropped and it is told so."""
    try:
        queue.put_nowait(frame)
    except asyncio.QueueFull:
        while not queue.empty():
            queue.get_nowait()
        queue.put_nowait(OVERFLOW)
