"""The clients of the live inbox's benchmark, as a process of their own.

`python -m benchmarks.sockets` reads JSON lines from its input and answers with one line each:
`{"urls", "atOnce"}` opens the connections, `{"expect"}` waits for so many notifications and says
what arrived. A frame's latency is counted from `data.data.due`, an instant of the machine's
monotonic clock.
"""

import asyncio
import sys
import time
from typing import Any, cast

import orjson
import uvloop
from websockets.client import ClientProtocol
from websockets.frames import Frame, Opcode
from websockets.uri import parse_uri

from benchmarks.load import percentile
from benchmarks.processes import raise_file_limit

SETTLE = 10.0
"""Seconds to wait for the last frames."""


class Totals:
    """What all connections saw."""

    def __init__(self) -> None:
        self.latencies: list[float] = []
        self.disorder = 0
        self.lost_connections = 0


class Client(asyncio.Protocol):
    """One connection; it keeps nothing but its last number."""

    def __init__(self, url: str, totals: Totals) -> None:
        self._protocol = ClientProtocol(parse_uri(url))
        self._totals = totals
        self._seq = 0
        self.ready: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._protocol.send_request(self._protocol.connect())
        self._flush()

    def data_received(self, data: bytes) -> None:
        now = time.monotonic()
        self._protocol.receive_data(data)
        self._flush()
        for event in self._protocol.events_received():
            if isinstance(event, Frame) and event.opcode is Opcode.TEXT:
                self._took(orjson.loads(event.data), now)
        if self._protocol.handshake_exc is not None and not self.ready.done():
            self.ready.set_exception(self._protocol.handshake_exc)

    def connection_lost(self, exc: Exception | None) -> None:
        self._totals.lost_connections += 1
        if not self.ready.done():
            self.ready.set_exception(exc or ConnectionError("closed before it was ready"))

    def _flush(self) -> None:
        self._transport.write(b"".join(self._protocol.data_to_send()))

    def _took(self, frame: dict[str, Any], now: float) -> None:
        if frame["type"] == "ready":
            self.ready.set_result(None)
        elif frame["type"] == "notification":
            self._totals.latencies.append(now - frame["data"]["data"]["due"])
            self._totals.disorder += frame["seq"] != self._seq + 1
            self._seq = frame["seq"]


async def _open(urls: list[str], at_once: int, totals: Totals) -> dict[str, float]:
    loop, waiting = asyncio.get_running_loop(), iter(urls)

    async def some() -> None:
        for url in waiting:
            uri = parse_uri(url)
            _, client = await loop.create_connection(
                lambda url=url: Client(url, totals), uri.host, uri.port
            )
            await asyncio.wait_for(client.ready, 60)

    started = time.perf_counter()
    await asyncio.gather(*(some() for _ in range(at_once)))
    return {"perSecond": round(len(urls) / (time.perf_counter() - started), 1)}


async def _arrived(expected: int, totals: Totals) -> dict[str, Any]:
    deadline = time.monotonic() + SETTLE
    while len(totals.latencies) < expected and time.monotonic() < deadline:
        await asyncio.sleep(0.05)
    await asyncio.sleep(0.2)  # one too many would come now
    found = sorted(totals.latencies)
    return {
        "received": len(found),
        "outOfOrder": totals.disorder,
        "lostConnections": totals.lost_connections,
        "p50ms": round(percentile(found, 0.5) * 1000, 2),
        "p99ms": round(percentile(found, 0.99) * 1000, 2),
        "maxms": round(found[-1] * 1000, 2),
    }


async def _serve() -> None:
    totals = Totals()
    while line := await asyncio.to_thread(sys.stdin.buffer.readline):
        asked = orjson.loads(line)
        if "urls" in asked:
            answer: dict[str, Any] = await _open(asked["urls"], asked["atOnce"], totals)
        else:
            answer = await _arrived(asked["expect"], totals)
        sys.stdout.buffer.write(orjson.dumps(answer) + b"\n")
        sys.stdout.buffer.flush()


if __name__ == "__main__":
    raise_file_limit()
    uvloop.run(_serve())
