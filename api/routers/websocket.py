"""`/api/ws`: a user's inbox, live.

Opened with a user token, in the query or the header. Frames sent: `ready` first, then
`notification`, `read`, `removed`, `broadcast`, `announcement`, `announcement_updated`,
`announcement_ended`, `announcement_withdrawn`, and `pong` and `error` as answers. Close codes:
4008 when the client takes less than there is for it, 1011 when Herald fails, 1012 when it
restarts; after each a client connects again with `after`, the last `seq` it has.

Announcements have no `seq` but a `version`, counted over all changes of all of them. A connection
is first told what is shown and unread; one that comes back with `announcedAfter`, the last
`version` it has, is told what changed since then and nothing twice.
"""

import contextlib
from typing import Final

from fastapi import APIRouter
from starlette.websockets import WebSocket, WebSocketDisconnect, WebSocketState

from api.dependencies import services_of
from api.errors import problem_of
from api.live.connection import FAILED, Connection
from api.live.hub import LiveHub
from domain.errors import HeraldError
from runtime.container import Container
from services.access.callers import refused

router = APIRouter()

_DIGITS: Final = 18


async def inbox_socket(websocket: WebSocket) -> None:
    live: LiveHub = websocket.app.state.live
    try:
        user_id = await _user_of(websocket, services_of(websocket))
        connection = Connection(websocket, live, user_id)
        async with live.joined(user_id, connection):
            asked = websocket.query_params
            await connection.run(_seq(asked.get("after")), _seq(asked.get("announcedAfter")))
    except HeraldError as error:
        await _refuse(websocket, error)


def _seq(text: str | None) -> int | None:
    """The seq to resume after; what is no number, or none that a seq can be, is taken for "from
    the start"."""
    if text is None:
        return None
    good = text.isascii() and text.isdigit() and len(text) <= _DIGITS
    return int(text) if good else 0


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
    with contextlib.suppress(RuntimeError, WebSocketDisconnect):
        if websocket.application_state is WebSocketState.CONNECTING:
            await websocket.send_denial_response(problem_of(error))
        else:
            await websocket.close(FAILED, error.code)


# The framework's own decorator keeps a tenth more in memory for as long as a connection is open.
router.add_websocket_route("/api/ws", inbox_socket)
