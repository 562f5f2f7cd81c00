"""The live bus: one process publishes a frame, every process with that user's sockets gets it.

Valkey pub/sub, one subscription for each process, nothing stored: the inbox in PostgreSQL is the
truth. Whenever the subscription was away and is back, `when_back` is called, so that every
connection can be brought up to date from there.
"""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from types import TracebackType
from typing import Any, Final, Self

import orjson
from redis.asyncio import Redis
from redis.exceptions import RedisError

from domain.ids import INBOX_BROADCAST, inbox_topic
from domain.ports.inbox import ANNOUNCEMENTS_CHANGED, Frame, LiveFrame, Reader

RECONNECT_AFTER: Final = 0.5
SUBSCRIBED_WITHIN: Final = 2.0
QUIET: Final = timedelta(seconds=5)
AT_ONCE: Final = 200
"""Connections a broadcast reaches before others get their turn."""
_PREFIX: Final = len(inbox_topic(""))

log = logging.getLogger(__name__)


class InboxBus:
    """Implements `InboxBroadcaster`, and hands frames to this process's readers."""

    def __init__(self, redis: "Redis", quiet: timedelta = QUIET) -> None:
        """`quiet`: how long nothing may be heard before Valkey is asked whether it is there;
        after twice that the subscription is made anew."""
        self._redis = redis
        self._quiet = quiet.total_seconds()
        self._readers: dict[str, set[Reader]] = {}
        self._listening: asyncio.Task[None] | None = None
        self._subscribed = asyncio.Event()
        self._heard_at: datetime | None = None
        self.when_back: Callable[[datetime], None] = lambda _since: None
        """Called after each return of the subscription, with the instant up to which everything
        was heard. Must not block."""
        self.when_announced: Callable[[int], None] = lambda _version: None
        """Called when announcements changed, with the version up to which. Must not block."""

    @property
    def readers(self) -> Mapping[str, set[Reader]]:
        """The open connections of this process by user."""
        return self._readers

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
        return await self._publish(inbox_topic(user_id), frame)

    async def broadcast(self, frame: Frame) -> int:
        """To everybody. How many processes took it. Raises `ConnectionError`."""
        return await self._publish(INBOX_BROADCAST, frame)

    async def _publish(self, topic: str, frame: Frame) -> int:
        try:
            taken: int = await self._redis.publish(topic, orjson.dumps(frame))
        except RedisError as error:
            raise ConnectionError(str(error)) from error
        return taken

    @asynccontextmanager
    async def listen(self, user_id: str, reader: Reader) -> AsyncIterator[None]:
        """Hands the reader the user's frames and the broadcasts from now on, unless Valkey is
        away: then from when it is back."""
        if self._listening is None:
            self._listening = asyncio.create_task(self._run())
        readers = self._readers.setdefault(user_id, set())
        readers.add(reader)
        try:
            if not self._subscribed.is_set():
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(SUBSCRIBED_WITHIN):
                        await self._subscribed.wait()
            yield
        finally:
            readers.discard(reader)
            if not readers and self._readers.get(user_id) is readers:
                del self._readers[user_id]

    async def _run(self) -> None:
        while True:
            try:
                await self._hear_all()
            except (RedisError, OSError) as error:
                log.warning("inbox_bus.lost", extra={"error": type(error).__name__})
            except Exception:
                # Whatever it was, every connection of this process depends on this task.
                log.exception("inbox_bus.failed")
            if self._subscribed.is_set():
                self._subscribed.clear()
            else:
                await asyncio.sleep(RECONNECT_AFTER)

    async def _hear_all(self) -> None:
        """Until the connection is lost, or silent although it was asked."""
        loop = asyncio.get_running_loop()
        async with self._redis.pubsub() as pubsub:
            await pubsub.psubscribe(INBOX_BROADCAST, inbox_topic("*"))
            last = loop.time()
            while True:
                message = await pubsub.get_message(timeout=self._quiet)
                if message is not None:
                    last = loop.time()
                    await self._heard(message)
                elif loop.time() - last > 2 * self._quiet:
                    raise ConnectionError("nothing heard, not even an answer")
                elif loop.time() - last >= self._quiet:
                    await pubsub.ping("herald")

    async def _heard(self, message: Mapping[str, Any]) -> None:
        topic = message["channel"]
        if message["type"] == "pmessage":
            try:
                await self._hand_on(topic.decode(), message["data"])
            except ValueError:
                log.warning("inbox_bus.frame_refused")
        elif message["type"] == "psubscribe":
            if topic.decode() != inbox_topic("*"):
                return
            # The client library also comes back on its own, and each time may have missed some.
            self._subscribed.set()
            self.when_back(self._heard_at or datetime.now(UTC))
        self._heard_at = datetime.now(UTC)

    async def _hand_on(self, topic: str, data: bytes) -> None:
        if topic != INBOX_BROADCAST:
            if readers := self._readers.get(topic[_PREFIX:]):
                frame = live_frame(data)
                for reader in tuple(readers):
                    reader.heard(frame)
            return
        frame = live_frame(data)
        if frame.kind == ANNOUNCEMENTS_CHANGED:
            self.when_announced(frame.seq)
            return
        everybody = [reader for readers in self._readers.values() for reader in readers]
        for place, reader in enumerate(everybody, 1):
            reader.heard(frame)
            if place % AT_ONCE == 0:
                await asyncio.sleep(0)


def live_frame(data: bytes) -> LiveFrame:
    """Raises `ValueError` for what is no frame."""
    decoded = orjson.loads(data)
    if not isinstance(decoded, dict) or not isinstance(decoded.get("type"), str):
        raise ValueError("a frame is an object with a type")
    seq = decoded.get("seq", 0)
    if not isinstance(seq, int):
        raise ValueError("seq is a number")
    kind = decoded["type"]
    if "origin" not in decoded:
        return LiveFrame(kind, data.decode(), seq)
    origin = decoded.pop("origin")
    return LiveFrame(kind, orjson.dumps(decoded).decode(), seq, origin)
