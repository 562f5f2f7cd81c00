"""A server that answers each request with what it was told to, well formed or not, and a port where
nobody answers."""

import asyncio
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Seen:
    method: str
    path: str
    headers: dict[str, str]
    body: bytes


@dataclass
class WireServer:
    """`answers` are used up in order; the last one stays."""

    url: str
    answers: list[bytes] = field(default_factory=list)
    seen: list[Seen] = field(default_factory=list)
    connections: int = 0

    def will_answer(
        self, status: int, body: bytes = b"", content_type: str = "application/json", **headers: str
    ) -> None:
        self.answers = [answer(status, body, content_type, **headers)]
        self.seen.clear()

    def will_be_silent(self) -> None:
        """Reads what it is sent, and says nothing."""
        self.answers = [b""]
        self.seen.clear()

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                self.seen.append(await _read(reader))
                writer.write(self.answers.pop(0) if len(self.answers) > 1 else self.answers[0])
                await writer.drain()
        writer.close()


async def _read(reader: asyncio.StreamReader) -> Seen:
    head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
    method, path, _ = head[0].split(" ")
    headers = {
        name.lower(): value.strip()
        for name, _, value in (line.partition(":") for line in head[1:] if line)
    }
    body = await reader.readexactly(int(headers.get("content-length", 0)))
    return Seen(method, path, headers, body)


def answer(
    status: int, body: bytes = b"", content_type: str = "application/json", **headers: str
) -> bytes:
    lines = [
        f"HTTP/1.1 {status} Whatever",
        f"Content-Type: {content_type}",
        f"Content-Length: {len(body)}",
        *(f"{name.replace('_', '-')}: {value}" for name, value in headers.items()),
    ]
    return "\r\n".join([*lines, "", ""]).encode() + body


@asynccontextmanager
async def wire_server() -> AsyncIterator[WireServer]:
    wire = WireServer("")
    server = await asyncio.start_server(wire.handle, "127.0.0.1", 0)
    host, port = server.sockets[0].getsockname()[:2]
    wire.url = f"http://{host}:{port}"
    async with server:
        yield wire


@contextmanager
def deaf_address() -> Iterator[str]:
    """A port that is taken and refuses every connection."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{taken.getsockname()[1]}"
