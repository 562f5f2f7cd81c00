"""`/api/ws`: a user's inbox, live.

A connection listens before it reads: what arrives in between is seen twice by the server and, known
by its seq, sent once. Frames of the bus only wake it; what it sends is read from the stored inbox,
so nothing is lost, nothing repeated, and the order is that of the inbox.
"""

import asyncio
import contextlib
from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

import orjson
from fastapi import APIRouter
from starlette.websockets import WebSocket, WebSocketDisconnect, WebSocketState

from api.dependencies import services_of
from api.errors import problem_of
from api.schemas.notifications import inbox_item_out
from domain.errors import HeraldError
from domain.ids import new_id
from domain.records import InboxItem
from runtime.container import Container
from services.access import refused

router = APIRouter()
SLICE: Final = 100
BEHIND: Final = timedelta(milliseconds=50)
"""How long to wait for an item whose frame came before its transaction was seen."""
_LARGEST_FRAME: Final = 64 * 1024


@router.websocket("/api/ws")
async def inbox_socket(websocket: WebSocket) -> None:
    services = services_of(websocket)
    try:
        user_id = await _user_of(websocket, services)
        after = _seq(websocket.query_params.get("after"))
        async with services.inbox_bus.listen(user_id) as frames:
            counts = await services.inbox.counts(user_id)
            await websocket.accept()
            ready = {"type": "ready", "seq": counts.last_seq, "unread": counts.unread}
            connection = Connection(websocket, services, user_id, frames)
            connection.seq = counts.last_seq if after is None else min(after, counts.last_seq)
            await connection.run(ready)
    except HeraldError as error:
        await _refuse(websocket, error)
    except WebSocketDisconnect:
        return


class Connection:
    """One open connection of one user."""

    def __init__(
        self,
        websocket: WebSocket,
        services: Container,
        user_id: str,
        frames: "asyncio.Queue[Mapping[str, Any]]",
    ) -> None:
        self._socket = websocket
        self._services = services
        self._user_id = user_id
        self._frames = frames
        self._sending = asyncio.Lock()
        self._id = str(new_id())
        self.seq = 0
        """The last item this connection has."""

    async def run(self, ready: Mapping[str, Any]) -> None:
        """Until either side ends it."""
        await self._send(ready)
        await self._catch_up()
        tasks = [asyncio.create_task(self._push()), asyncio.create_task(self._listen())]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        for task in done:
            error = task.exception()
            if error is not None and not isinstance(error, WebSocketDisconnect):
                raise error

    async def _push(self) -> None:
        while True:
            frame = await self._frames.get()
            match frame.get("type"):
                case "read":
                    if frame.get("origin") != self._id:
                        await self._send({"type": "read", "id": frame["id"]})
                case "notification":
                    await self._catch_up(int(frame["seq"]))
                case _:
                    await self._catch_up()

    async def _catch_up(self, announced: int = 0) -> None:
        """Sends every item after the last one sent. One that was announced and is not to be seen
        yet is looked for once more; after that it was removed again."""
        looked_again = False
        while announced == 0 or announced > self.seq:
            items = await self._services.inbox.after(self._user_id, self.seq, SLICE)
            for item in items:
                await self._send(self._frame(item))
                self.seq = item.seq
            if len(items) == SLICE:
                continue
            if announced <= self.seq or looked_again:
                return
            looked_again = True
            await asyncio.sleep(BEHIND.total_seconds())

    def _frame(self, item: InboxItem) -> Mapping[str, Any]:
        shown = inbox_item_out(item, self._services.settings)
        return {
            "type": "notification",
            "seq": item.seq,
            "data": shown.model_dump(mode="json", by_alias=True),
        }

    async def _listen(self) -> None:
        while True:
            frame = await self._received()
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
            await self._services.inbox.mark_read(self._user_id, [notification_id], origin=self._id)
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
            if len(text) <= _LARGEST_FRAME:
                frame = orjson.loads(text)
                if isinstance(frame, dict):
                    return frame
        return {"type": "unreadable"}

    async def _send(self, frame: Mapping[str, Any]) -> None:
        async with self._sending:
            await self._socket.send_text(orjson.dumps(frame).decode())


def _error(code: str, detail: str) -> Mapping[str, Any]:
    return {"type": "error", "code": code, "detail": detail}


def _seq(text: str | None) -> int | None:
    """The seq to resume after; what is no number is taken for "from the start"."""
    if text is None:
        return None
    return min(int(text), 2**63 - 1) if text.isascii() and text.isdigit() else 0


async def _user_of(websocket: WebSocket, services: Container) -> str:
    """The user whose token this is. Raises `Unauthorized`."""
    credential = websocket.query_params.get("token")
    if credential is None:
        header = websocket.headers.get("authorization", "")
        credential = header.partition(" ")[2] if header.lower().startswith("bearer ") else ""
    principal = await services.access.authenticate(credential)
    if principal.user_id is None:
        raise refused("An inbox is opened with a user token: POST /api/users/{user}/tokens.")
    return principal.user_id


async def _refuse(websocket: WebSocket, error: HeraldError) -> None:
    if websocket.application_state is WebSocketState.CONNECTING:
        with contextlib.suppress(RuntimeError):
            await websocket.send_denial_response(problem_of(error))
            return
    with contextlib.suppress(RuntimeError, WebSocketDisconnect):
        await websocket.close(1011, error.code)
