"""A client of the live inbox whose API process is killed while notifications stream in."""

import asyncio
import json
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import websockets
from websockets.asyncio.client import ClientConnection

from tests.herald_process import Herald

ROUND = 20
"""Notifications streamed around each kill, and after the last."""
KILLS = 2
TOTAL = ROUND * (KILLS + 1)


@asynccontextmanager
async def connected(herald: Herald, user: str, after: int) -> AsyncIterator[ClientConnection]:
    """Once the API is there again, as a client tries until it is."""
    async with asyncio.timeout(60):
        while True:
            try:
                answer = await herald.api.post(f"/users/{user}/tokens", json={})
                base = str(herald.api.base_url).replace("http", "ws", 1).rstrip("/")
                opened = await websockets.connect(
                    f"{base}/ws?token={answer.json()['token']}&after={after}", max_queue=None
                )
                break
            except (httpx.TransportError, OSError, websockets.InvalidHandshake):
                await asyncio.sleep(0.1)
    async with opened:
        yield opened


async def sent_through_everything(herald: Herald, user: str, number: int) -> None:
    """Asked again with the same key until it is answered."""
    body = {
        "userId": user, "type": "application_update", "title": f"Number {number}",
        "content": f"Words {number}.", "channels": ["websocket"],
    }  # fmt: skip
    async with asyncio.timeout(60):
        while True:
            try:
                answer = await herald.api.post(
                    "/notifications", json=body, headers={"Idempotency-Key": f"{user}-{number}"}
                )
                if answer.status_code == 202:
                    return
                assert answer.status_code in {409, 503}, answer.text
            except httpx.TransportError:
                pass
            await asyncio.sleep(0.1)


async def read_on(herald: Herald, user: str, seen: list[dict[str, Any]]) -> bool:
    """Reads from where it was until all is seen. True when it was closed before that."""
    async with connected(herald, user, seen[-1]["seq"] if seen else 0) as inbox:
        ready = json.loads(await inbox.recv())
        assert ready["type"] == "ready"
        assert ready["unread"] == ready["seq"] >= len(seen)
        try:
            while len(seen) < TOTAL:
                told = json.loads(await inbox.recv())
                assert told["type"] == "notification"
                seen.append(told)
        except websockets.ConnectionClosed:
            return True
    return False


async def test_killing_the_api_loses_no_message_and_repeats_none(herald: Herald) -> None:
    user = await herald.user("resumes-1")
    seen: list[dict[str, Any]] = []
    closed = 0
    allowed = asyncio.Semaphore(0)

    async def stream() -> None:
        for number in range(TOTAL):
            await allowed.acquire()
            await sent_through_everything(herald, user, number)

    async def trouble() -> None:
        killed = 0
        for part in range(KILLS):
            while (pid := await asyncio.to_thread(herald.pid, "api")) == killed:
                await asyncio.sleep(0.1)
            for _ in range(ROUND):
                allowed.release()
            while len(seen) < part * ROUND + ROUND // 2:
                await asyncio.sleep(0.005)
            os.kill(pid, signal.SIGKILL)
            killed = pid
        for _ in range(ROUND):
            allowed.release()

    streaming = asyncio.create_task(stream())
    killing = asyncio.create_task(trouble())
    async with asyncio.timeout(120):
        while len(seen) < TOTAL:
            closed += await read_on(herald, user, seen)
    await streaming
    await killing
    assert closed == KILLS
    assert [told["seq"] for told in seen] == list(range(1, TOTAL + 1))
    assert {told["data"]["title"] for told in seen} == {f"Number {n}" for n in range(TOTAL)}
    stored = (await herald.api.get(f"/users/{user}/notifications?limit=200")).json()
    assert stored["counts"] == {"total": TOTAL, "unread": TOTAL}
    assert [item["id"] for item in stored["data"]] == [told["data"]["id"] for told in seen][::-1]
