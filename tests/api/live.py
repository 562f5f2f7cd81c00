"""What the tests of the live inbox share: servers, sockets, and a delivery's last steps."""

import asyncio
import json
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import uvicorn
import websockets
from fastapi import FastAPI
from websockets.asyncio.client import ClientConnection

from api.app import create_app
from api.live.protocol import EndingProtocol
from domain.content import Content
from domain.enums import Category, Channel, NotificationStatus, Priority, Strategy
from domain.ids import new_id
from domain.records.notifications import Notification
from runtime.container import Container
from runtime.embedded.home import free_port
from services.people.inbox import notification_frame


@asynccontextmanager
async def application(container: Container) -> AsyncIterator[FastAPI]:
    """The API over this container."""

    @asynccontextmanager
    async def opened() -> AsyncIterator[Container]:
        yield container

    made = create_app(opened)
    async with made.router.lifespan_context(made):
        yield made


@asynccontextmanager
async def serving(app: FastAPI, port: int | None = None, **options: Any) -> AsyncIterator[str]:
    """The application on the protocol that `herald api` runs it on. Its address."""
    port = port or free_port()
    config = uvicorn.Config(
        app, host="127.0.0.1", port=port, lifespan="off", log_level="error",
        ws=EndingProtocol, ws_per_message_deflate=False, timeout_graceful_shutdown=2, **options,
    )  # fmt: skip
    running = uvicorn.Server(config)
    task = asyncio.create_task(running._serve())
    while not running.started:
        assert not task.done(), "the server did not start"
        await asyncio.sleep(0.01)
    yield f"http://127.0.0.1:{port}"
    running.should_exit = True
    await task


@asynccontextmanager
async def socket(server: str, token: str, **query: object) -> AsyncIterator[ClientConnection]:
    asked = "".join(f"&{name}={value}" for name, value in query.items())
    url = server.replace("http", "ws", 1) + f"/api/ws?token={token}{asked}"
    # Without a bound on its queue, for with one the client closes only after all was read.
    async with websockets.connect(url, max_queue=None) as opened:
        yield opened


async def frame(connection: ClientConnection, within: float = 5) -> dict[str, Any]:
    got: dict[str, Any] = json.loads(await asyncio.wait_for(connection.recv(), within))
    return got


async def silence(connection: ClientConnection) -> None:
    """Nothing more comes: a ping is answered next."""
    await connection.send(json.dumps({"type": "ping"}))
    assert await frame(connection) == {"type": "pong"}


async def deliver(container: Container, user: str, text: str = "Some words.") -> str:
    """What a delivery does of an in-app notification: stores it, then publishes it."""
    now = datetime.now(UTC)
    item = Notification(
        id=new_id(), user_id=user, type="application_update", category=Category.APPLICATIONS,
        priority=Priority.HIGH, channels=(Channel.WEBSOCKET,), strategy=Strategy.ALL,
        status=NotificationStatus.SENT, created_at=now, updated_at=now, content_hash=uuid4().hex,
    )  # fmt: skip
    async with container.uow() as tx:
        await tx.notifications.insert([(item, Content(title="T", content=text))])
        seq = await tx.inbox.add(user, item.id, now, title="T", body=text)
    await asyncio.sleep(random.random() / 100)
    async with container.uow() as tx:
        [stored] = await tx.inbox.after(user, seq - 1, 1)
    await container.inbox_bus.publish(user, notification_frame(stored))
    return str(item.id)
