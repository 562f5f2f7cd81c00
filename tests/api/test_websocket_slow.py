"""Peers that read slowly, not at all, or are gone: they harm nobody, and lose nothing."""

import asyncio
import socket as sockets
from urllib.parse import urlsplit

import pytest
import websockets
from fastapi import FastAPI

from api.live import connection as live_connection
from api.live import protocol
from api.live.connection import SLOW_READER
from runtime.container import Container
from tests.api.conftest import Actor
from tests.api.live import deliver, frame, serving, silence, socket


async def test_a_reader_that_does_not_read_delays_nobody_and_is_closed(
    server: str, actor: Actor, container: Container, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A real socket of small buffers that is never read."""
    monkeypatch.setattr(protocol, "ENDED_WITHIN", 0.5)
    user = await actor.user()
    token, words, total = await actor.token(user), "w" * 50_000, 60
    deaf = await asyncio.to_thread(_deaf, server, token)
    try:
        async with socket(server, token) as quick:
            await frame(quick)
            held = 0
            for seq in range(1, total + 1):
                await deliver(container, user, words)
                assert (await frame(quick, within=2))["seq"] == seq
                readers = container.inbox_bus.readers[user]
                held = max(held, *(one._bytes for one in readers))  # type: ignore[attr-defined]
            assert 0 < held <= live_connection.BYTES_WAITING
            async with asyncio.timeout(5):
                while len(container.inbox_bus.readers[user]) > 1:
                    await asyncio.sleep(0.05)
            await silence(quick)
        last = 0
        while last < total:
            async with socket(server, token, after=last) as again:
                await frame(again)
                for _ in range(min(25, total - last)):
                    told = await frame(again)
                    assert told["seq"] == last + 1
                    last = told["seq"]
    finally:
        deaf.close()


def _deaf(server: str, token: str) -> sockets.socket:
    """Opens a WebSocket by hand and reads nothing, not even the handshake's answer."""
    opened = _small(server)
    opened.sendall(
        f"GET /api/ws?token={token} HTTP/1.1\r\nHost: {urlsplit(server).netloc}\r\n"
        "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n".encode()
    )
    return opened


def _small(server: str, size: int = 4096) -> sockets.socket:
    """A socket for which the kernel keeps little."""
    address = urlsplit(server)
    assert address.port is not None
    opened = sockets.socket()
    opened.setsockopt(sockets.SOL_SOCKET, sockets.SO_RCVBUF, size)
    opened.connect((str(address.hostname), address.port))
    return opened


async def test_a_slow_reader_that_reads_on_is_told_why(
    server: str, actor: Actor, container: Container, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live_connection, "FRAMES_WAITING", 3)
    user = await actor.user()
    token = await actor.token(user)
    url = f"{server.replace('http', 'ws', 1)}/api/ws?token={token}"
    async with websockets.connect(url, sock=_small(server, 100_000), max_queue=None) as slow:
        await frame(slow)
        slow.transport.pause_reading()
        [reader] = container.inbox_bus.readers[user]
        while reader._ending is None:  # type: ignore[attr-defined]
            await deliver(container, user, "w" * 50_000)
        slow.transport.resume_reading()
        seen = 0
        with pytest.raises(websockets.ConnectionClosedError) as closed:
            while True:
                seen += 1
                assert (await frame(slow))["seq"] == seen
        assert closed.value.rcvd is not None
        assert (closed.value.rcvd.code, closed.value.rcvd.reason) == (SLOW_READER, "slow_reader")


async def test_a_peer_that_answers_no_ping_is_let_go(
    app: FastAPI, actor: Actor, container: Container
) -> None:
    user = await actor.user()
    token = await actor.token(user)
    async with serving(app, ws_ping_interval=0.1, ws_ping_timeout=0.2) as address:
        dead = await asyncio.to_thread(_deaf, address, token)
        try:
            async with socket(address, token) as alive, asyncio.timeout(10):
                await frame(alive)
                while len(container.inbox_bus.readers[user]) > 1:
                    await asyncio.sleep(0.02)
                await silence(alive)
        finally:
            dead.close()
