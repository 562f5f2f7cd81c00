"""The baseline for the live inbox: Starlette, uvicorn and a Valkey subscription, nothing else.

`python -m benchmarks.bare_sockets PORT REDIS_URL` serves `/ws?user=…` and passes on what is
published to `bare:{user}`. No tokens, no store, no order, no resuming, no bound on what waits.
"""

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import uvicorn
from redis.asyncio import Redis
from starlette.applications import Starlette
from starlette.routing import WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

TOPIC = "bare:"


def create(redis_url: str) -> Starlette:
    sockets: dict[str, WebSocket] = {}

    async def hand_on() -> None:
        async with Redis.from_url(redis_url, protocol=2) as redis, redis.pubsub() as pubsub:
            await pubsub.psubscribe(f"{TOPIC}*")
            async for message in pubsub.listen():
                socket = sockets.get(message["channel"].decode().removeprefix(TOPIC))
                if message["type"] == "pmessage" and socket is not None:
                    await socket.send_text(message["data"].decode())

    async def opened(socket: WebSocket) -> None:
        await socket.accept()
        sockets[socket.query_params["user"]] = socket
        await socket.send_text('{"type": "ready"}')
        try:
            while True:
                await socket.receive_text()
        except WebSocketDisconnect:
            sockets.pop(socket.query_params["user"], None)

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        task = asyncio.create_task(hand_on())
        yield
        task.cancel()

    return Starlette(routes=[WebSocketRoute("/ws", opened)], lifespan=lifespan)


if __name__ == "__main__":
    uvicorn.run(
        create(sys.argv[2]), host="127.0.0.1", port=int(sys.argv[1]), log_level="error",
        loop="uvloop", ws="websockets-sansio", ws_per_message_deflate=False,
    )  # fmt: skip
