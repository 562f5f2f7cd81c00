"""One open connection of one user: every item of the inbox once, in order, whatever happens.

A connection listens before it reads, so that nothing falls between what is stored and what is
live. A frame that carries the next number is passed on as it came; one that is known already is
dropped; before one that comes too early, what is missing is read from the stored inbox. What the
peer does not take yet waits in a bounded queue; when that is full the connection is closed with
`SLOW_READER` and resumes by `after`: no frame is ever left out.
"""

import asyncio
import contextlib
import logging
from collections import deque
from collections.abc import Mapping
from typing import Any, Final, Protocol
from uuid import UUID

import orjson
from starlette.websockets import WebSocket, WebSocketDisconnect, WebSocketState

from api.live.protocol import ENDED_WITHIN
from domain.errors import HeraldError
from domain.ids import new_id
from domain.ports.inbox import LiveFrame
from domain.records.inbox import InboxItem
from services.announcements.inbox import Announced
from services.people.inbox import InboxCounts, notification_frame

SLICE: Final = 100
FRAMES_WAITING: Final = 256
BYTES_WAITING: Final = 1024 * 1024
LARGEST_FRAME: Final = 64 * 1024
SLOW_READER: Final = 4008
"""Close code: this side had more to send than the peer took. Resume with `after`."""
FAILED: Final = 1011
BEHIND: Final = "behind"
"""A frame of this kind says only that items up to its `seq` are stored."""

log = logging.getLogger(__name__)


class Store(Protocol):
    """The stored inbox."""

    async def counts(self, user_id: str) -> InboxCounts: ...

    async def after(self, user_id: str, seq: int, limit: int) -> tuple[InboxItem, ...]: ...

    async def announced(self, user_id: str, after: int | None) -> Announced: ...

    async def mark_read(
        self, user_id: str, ids: list[UUID], origin: str | None = None
    ) -> tuple[UUID, ...]: ...


class Connection:
    """Implements `Reader`. One task receives; another lives only while there is something to
    send."""

    __slots__ = (
        "_announced", "_bytes", "_ending", "_id", "_live", "_sender", "_socket", "_store",
        "_user_id", "_waiting", "seq",
    )  # fmt: skip

    def __init__(self, socket: WebSocket, store: Store, user_id: str) -> None:
        self._socket = socket
        self._store = store
        self._user_id = user_id
        self._id = str(new_id())
        self._waiting: deque[LiveFrame] = deque()
        self._bytes = 0
        self._live = False
        self._sender: asyncio.Task[None] | None = None
        self._ending: asyncio.Task[None] | None = None
        self._announced = 0
        self.seq = 0
        """The last item this connection has."""

    async def run(self, after: int | None, announced_after: int | None = None) -> None:
        """Until either side ends it; the bus must know this reader already. `after`: the last
        item the client has; `announced_after`: the version of the last announcement it heard of.
        Raises `HeraldError` only before the connection was accepted."""
        counts = await self._store.counts(self._user_id)
        self.seq = counts.last_seq if after is None else min(after, counts.last_seq)
        await self._socket.accept()
        try:
            await self._send({"type": "ready", "seq": counts.last_seq, "unread": counts.unread})
            announced = announced_after is not None or counts.unread_announcements > 0
            await self._resume(counts.last_seq, announced_after, announced=announced)
            while True:
                await self._answer(await self._received())
        except WebSocketDisconnect:
            return
        finally:
            await self._end_tasks()

    def heard(self, frame: LiveFrame) -> None:
        if self._ending is not None:
            return
        size = self._bytes + len(frame.text)
        if self._waiting and (len(self._waiting) >= FRAMES_WAITING or size > BYTES_WAITING):
            self._end(SLOW_READER, "slow_reader")
            return
        self._waiting.append(frame)
        self._bytes = size
        if self._live and self._sender is None:
            self._sender = asyncio.create_task(self._pass_on())

    async def _resume(self, last_seq: int, announced_after: int | None, *, announced: bool) -> None:
        """From what is stored to what is live."""
        try:
            if announced:
                await self._announce(announced_after)
            await self._catch_up(last_seq)
        except HeraldError as error:
            self._end(FAILED, error.code)
        self._live = True
        if self._waiting:
            self._sender = asyncio.create_task(self._pass_on())

    async def _pass_on(self) -> None:
        """All that waits."""
        try:
            while self._waiting:
                frame = self._waiting.popleft()
                self._bytes -= len(frame.text)
                await self._pass(frame)
        except WebSocketDisconnect:
            self._waiting.clear()
        except HeraldError as error:
            self._end(FAILED, error.code)
        except Exception:
            log.exception("inbox_socket.failed")
            self._end(FAILED, "internal_error")
        finally:
            self._sender = None

    async def _pass(self, frame: LiveFrame) -> None:
        if frame.kind == BEHIND:
            await self._catch_up(frame.seq)
        elif frame.version:
            if frame.version > self._announced:
                await self._send_text(frame.text)
        elif frame.kind != "notification":
            if frame.origin != self._id:
                await self._send_text(frame.text)
        elif frame.seq == self.seq + 1:
            await self._send_text(frame.text)
            self.seq = frame.seq
        else:
            await self._catch_up(frame.seq)

    async def _catch_up(self, to: int) -> None:
        """Sends every stored item up to `to`, and beyond it what is there by now. One that is
        not stored any more was removed."""
        while self.seq < to and self._ending is None:
            items = await self._store.after(self._user_id, self.seq, SLICE)
            for item in items:
                await self._send(notification_frame(item))
                self.seq = item.seq
            if len(items) < SLICE:
                self.seq = max(self.seq, to)

    async def _announce(self, after: int | None) -> None:
        """What is shown or has changed; what is live and no newer is then known already."""
        told = await self._store.announced(self._user_id, after)
        for frame in told.frames:
            await self._send(frame)
        self._announced = told.version

    async def _answer(self, frame: Mapping[str, Any]) -> None:
        match frame.get("type"):
            case "ping":
                await self._send({"type": "pong"})
            case "read":
                await self._read(frame.get("id"))
            case other:
                await self._send(_error("unknown_frame", f"There is no frame {other!r}."))

    async def _read(self, given: object) -> None:
        try:
            notification_id = UUID(str(given))
            await self._store.mark_read(self._user_id, [notification_id], origin=self._id)
        except ValueError:
            await self._send(_error("invalid_id", "`id` is a notification's id."))
        except HeraldError as error:
            await self._send(_error(error.code, error.detail))

    async def _received(self) -> Mapping[str, Any]:
        message = await self._socket.receive()
        if message["type"] == "websocket.disconnect":
            raise WebSocketDisconnect(message.get("code", 1000))
        text = message.get("text") or message.get("bytes") or b""
        with contextlib.suppress(orjson.JSONDecodeError):
            if len(text) <= LARGEST_FRAME:
                frame = orjson.loads(text)
                if isinstance(frame, dict):
                    return frame
        return {"type": "unreadable"}

    async def _send(self, frame: Mapping[str, Any]) -> None:
        await self._send_text(orjson.dumps(frame).decode())

    async def _send_text(self, text: str) -> None:
        lost = self._socket.application_state is WebSocketState.DISCONNECTED
        if lost or self._ending is not None:
            raise WebSocketDisconnect
        await self._socket.send_text(text)

    def _end(self, code: int, reason: str) -> None:
        """Closes without waiting; what still waited is the client's to ask for again."""
        if self._ending is None:
            self._waiting.clear()
            self._ending = asyncio.create_task(self._close(code, reason))

    async def _close(self, code: int, reason: str) -> None:
        with contextlib.suppress(RuntimeError, WebSocketDisconnect):
            await self._socket.close(code, reason)

    async def _end_tasks(self) -> None:
        self._live = False  # the bus may still hand it a frame, which starts no sender any more
        if self._sender is not None:
            self._sender.cancel()
            await asyncio.gather(self._sender, return_exceptions=True)
        if self._ending is not None:
            await asyncio.wait([self._ending], timeout=ENDED_WITHIN)
            self._ending.cancel()


def _error(code: str, detail: str) -> Mapping[str, Any]:
    return {"type": "error", "code": code, "detail": detail}
