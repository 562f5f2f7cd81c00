"""uvicorn's WebSocket protocol with three promises added.

What a peer that no longer reads was sent stays small, for the kernel keeps little of it. A
connection that is to end does end: uvicorn waits for all that was written to leave, which for
such a peer never happens. And no URL is logged, for it may hold a token.
"""

import asyncio
import logging
import socket
from asyncio.transports import BaseTransport
from typing import Any, Final

from typing_extensions import override
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

SEND_BUFFER: Final = 64 * 1024
"""Bytes the kernel is asked to keep for one connection; else it may keep megabytes."""
ENDED_WITHIN: Final = 5.0
"""Seconds from the decision to end a connection to its end, taken or not."""
PING_EVERY: Final = 20.0
PONG_WITHIN: Final = 20.0

log = logging.getLogger(__name__)
log.setLevel(logging.WARNING)


class EndingProtocol(WebSocketsSansIOProtocol):
    _abort: asyncio.TimerHandle | None = None

    @override
    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        self.logger = log
        self.conn.logger = log

    @override
    def connection_made(self, transport: BaseTransport) -> None:
        super().connection_made(transport)
        kernel = transport.get_extra_info("socket")
        if kernel is not None and kernel.family in {socket.AF_INET, socket.AF_INET6}:
            kernel.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER)

    @override
    async def send(self, message: Any) -> None:
        if message["type"] == "websocket.close":
            self._end_soon()
        await super().send(message)

    @override
    def keepalive_timeout(self) -> None:
        super().keepalive_timeout()
        self._end_soon()

    @override
    def shutdown(self) -> None:
        super().shutdown()
        self._end_soon()

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        if self._abort is not None:
            self._abort.cancel()
        super().connection_lost(exc)

    def _end_soon(self) -> None:
        if self._abort is None and not self.disconnected:
            self._abort = self.loop.call_later(ENDED_WITHIN, self.transport.abort)
