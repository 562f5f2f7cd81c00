"""The server's end of a TCP connection: cutting it, which no ASGI message can ask for.

The server runs on a protocol class of its own that puts the transport into the request's scope.
"""

import asyncio
import socket
import struct
from typing import Literal

from starlette.types import Receive, Scope
from typing_extensions import override
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

_EXTENSION = "sandbox.transport"
_GATHERED = 4 * 1024 * 1024
_LINGER_ZERO = struct.pack("ii", 1, 0)


class CuttableProtocol(HttpToolsProtocol):
    """uvicorn's HTTP protocol, with the transport within reach of the application."""

    @override
    def on_message_begin(self) -> None:
        super().on_message_begin()
        self.scope["extensions"] = {_EXTENSION: {"transport": self.transport}}

    @override
    def on_body(self, body: bytes) -> None:
        """A batch call of a megabyte wakes the application once, not with every piece of it."""
        if len(self.cycle.body) + len(body) <= _GATHERED:
            self.cycle.body += body
        else:
            super().on_body(body)


async def cut(scope: Scope, receive: Receive, how: Literal["close", "reset"]) -> None:
    """End the connection with no answer: `close` with FIN, `reset` with RST.

    Returns once the server has seen the connection go, so that it adds no answer of its own.
    """
    transport: asyncio.Transport = scope["extensions"][_EXTENSION]["transport"]
    if how == "reset":
        # Only a zero linger time makes the kernel send RST for a socket with nothing unread.
        transport.get_extra_info("socket").setsockopt(
            socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_ZERO
        )
    transport.abort()
    while (await receive())["type"] != "http.disconnect":
        pass
