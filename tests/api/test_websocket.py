"""The live inbox over a real server: nothing lost, nothing twice."""

import asyncio
import json
import random
import socket as sockets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID, uuid4

import httpx
import pytest
import uvicorn
import websockets
from fastapi import FastAPI
from websockets.asyncio.client import ClientConnection

from api.app import create_app
from api.live import connection as live_connection
from api.live import protocol
from api.live.connection import SLOW_READER
from api.live.protocol import EndingProtocol
from domain.content import Content
from domain.enums import Category, Channel, NotificationStatus, Priority, Strategy
from domain.ids import new_id
from domain.records import Notification
from runtime.container import Container
from runtime.embedded.home import free_port
from services.inbox import notification_frame
from tests.api.conftest import FIRST_KEY, Actor, client, refusal


@asynccontextmanager
async def socket(server: str, token: str, **query: object) -> AsyncIterator[ClientConnection]:
    asked = "".join(f"&{name}={value}" for name, value in query.items())
    url = server.replace("http", "ws", 1) + f"/api/ws?token={token}{asked}"
    # Without a bound on its queue, for with one the client closes only after all was read.
    async with websockets.connect(url, max_queue=None) as opened:
        yield opened


@asynccontextmanager
async def serving(app: FastAPI, **options: Any) -> AsyncIterator[str]:
    """The application on the protocol that `herald api` runs it on. Its address."""
    port = free_port()
    config = uvicorn.Config(
        app, host="127.0.0.1", port=port, lifespan="off", log_level="error",
        ws=EndingProtocol, timeout_graceful_shutdown=2, **options,
    )  # fmt: skip
    running = uvicorn.Server(config)
    task = asyncio.create_task(running._serve())
    while not running.started:
        assert not task.done(), "the server did not start"
        await asyncio.sleep(0.01)
    yield f"http://127.0.0.1:{port}"
    running.should_exit = True
    await task


@pytest.fixture(scope="module")
async def server(app: FastAPI) -> AsyncIterator[str]:
    async with serving(app) as address:
        yield address


@pytest.fixture(scope="module")
async def other_server(container: Container) -> AsyncIterator[str]:
    """A second API: a container, a bus and a server of its own on the same storage."""
    async with Container.open(container.settings) as second:

        @asynccontextmanager
        async def opened() -> AsyncIterator[Container]:
            yield second

        application = create_app(opened)
        async with (
            application.router.lifespan_context(application),
            serving(application) as address,
        ):
            yield address


async def frame(connection: ClientConnection, within: float = 5) -> dict[str, Any]:
    got: dict[str, Any] = json.loads(await asyncio.wait_for(connection.recv(), within))
    return got


async def silence(connection: ClientConnection) -> None:
    """Nothing more comes: a ping is answered next."""
    await connection.send(json.dumps({"type": "ping"}))
    assert await frame(connection) == {"type": "pong"}


async def test_a_connection_is_told_what_arrives(server: str, actor: Actor) -> None:
    user = await actor.user()
    await actor.in_inbox(user)
    async with socket(server, await actor.token(user)) as one:
        assert await frame(one) == {"type": "ready", "seq": 1, "unread": 1}
        item = await actor.in_inbox(user, data={"a": 1})
        told = await frame(one)
        assert (told["type"], told["seq"]) == ("notification", 2)
        assert told["data"]["id"] == item["id"]
        assert told["data"]["title"] == item["title"]
        assert told["data"]["data"] == {"a": 1}
        assert told["data"]["readAt"] is None
        await silence(one)


async def test_the_token_may_come_in_the_header(server: str, actor: Actor) -> None:
    user = await actor.user()
    headers = {"Authorization": f"Bearer {await actor.token(user)}"}
    url = server.replace("http", "ws", 1) + "/api/ws"
    async with websockets.connect(url, additional_headers=headers) as one:
        assert (await frame(one))["type"] == "ready"


@pytest.mark.parametrize("token", ["", "nonsense", FIRST_KEY])
async def test_without_a_users_token_no_connection_opens(server: str, token: str) -> None:
    with pytest.raises(websockets.InvalidStatus) as refused:
        async with socket(server, token):
            pass
    assert refused.value.response.status_code == 401
    assert json.loads(refused.value.response.body)["code"] == "invalid_credentials"


async def test_a_connection_resumes_where_it_was(server: str, actor: Actor) -> None:
    user = await actor.user()
    token = await actor.token(user)
    ids = [(await actor.in_inbox(user))["id"] for _ in range(4)]
    async with socket(server, token, after=1) as one:
        assert (await frame(one))["seq"] == 4
        got = [await frame(one) for _ in range(3)]
        assert [(f["seq"], f["data"]["id"]) for f in got] == list(
            zip((2, 3, 4), ids[1:], strict=True)
        )
        await silence(one)
    async with socket(server, token, after=99) as one:
        assert (await frame(one))["seq"] == 4
        await actor.in_inbox(user)
        assert (await frame(one))["seq"] == 5


async def test_reconnecting_under_load_loses_and_repeats_nothing(server: str, actor: Actor) -> None:
    user = await actor.user()
    token = await actor.token(user)
    total = 40

    async def send() -> None:
        for _ in range(total):
            await actor.in_inbox(user)

    sending = asyncio.create_task(send())
    seen: list[int] = []
    last = 0
    while len(seen) < total:
        async with socket(server, token, after=last) as one:
            assert (await frame(one))["type"] == "ready"
            for _ in range(min(3, total - len(seen))):
                told = await frame(one, within=20)
                assert told["type"] == "notification"
                last = told["seq"]
                seen.append(last)
    await sending
    assert seen == list(range(1, total + 1))


async def test_reading_is_shared_between_connections(
    api: httpx.AsyncClient, server: str, actor: Actor
) -> None:
    user = await actor.user()
    token = await actor.token(user)
    first, second = [(await actor.in_inbox(user))["id"] for _ in range(2)]
    async with socket(server, token) as phone, socket(server, token) as laptop:
        assert (await frame(phone))["unread"] == 2
        await frame(laptop)
        await phone.send(json.dumps({"type": "read", "id": first}))
        assert await frame(laptop) == {"type": "read", "id": first}
        await silence(phone)
        await api.put(f"/users/{user}/notifications/{second}/read")
        for connection in (phone, laptop):
            assert await frame(connection) == {"type": "read", "id": second}
    counts = (await api.get(f"/users/{user}/notifications")).json()["counts"]
    assert counts == {"total": 2, "unread": 0}


async def test_strange_frames_are_answered_and_do_no_harm(server: str, actor: Actor) -> None:
    async with socket(server, await actor.token(await actor.user())) as one:
        await frame(one)
        for strange, code in [
            ("not json", "unknown_frame"), ("[]", "unknown_frame"),
            ('{"type": "dance"}', "unknown_frame"), ('{"type": "read"}', "invalid_id"),
            ('{"type": "read", "id": "x"}', "invalid_id"),
        ]:  # fmt: skip
            await one.send(strange)
            answer = await frame(one)
            assert (answer["type"], answer["code"]) == ("error", code)
        await one.send(json.dumps({"type": "read", "id": "01890000-0000-7000-8000-000000000000"}))
        await silence(one)


async def test_another_users_notification_is_not_told_or_read(
    api: httpx.AsyncClient, server: str, actor: Actor
) -> None:
    user, other = await actor.user(), await actor.user()
    async with socket(server, await actor.token(user)) as mine:
        await frame(mine)
        item = await actor.in_inbox(other)
        await mine.send(json.dumps({"type": "read", "id": item["id"]}))
        await silence(mine)
    counts = (await api.get(f"/users/{other}/notifications")).json()["counts"]
    assert counts["unread"] == 1


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


async def test_two_processes_random_disconnects_and_a_lossy_bus_lose_and_repeat_nothing(
    server: str, other_server: str, actor: Actor, container: Container
) -> None:
    user, chance = await actor.user(), random.Random(11)
    token, total = await actor.token(user), 300
    publishing = asyncio.Semaphore(6)

    async def one() -> None:
        async with publishing:
            await deliver(container, user)

    async def trouble() -> None:
        while not everything.done():
            await asyncio.sleep(0.2)
            await container.redis.client_kill_filter(_type="pubsub")

    async def follow(chance: random.Random) -> list[int]:
        seen: list[int] = []
        while len(seen) < total:
            address = chance.choice([server, other_server])
            async with socket(address, token, after=seen[-1] if seen else 0) as opened:
                for _ in range(chance.randint(0, 40)):
                    told = await frame(opened, within=20)
                    if told["type"] == "notification":
                        seen.append(told["seq"])
                    if len(seen) == total:
                        break
        return seen

    everything = asyncio.gather(*(one() for _ in range(total)))
    breaking = asyncio.create_task(trouble())
    readers = [follow(random.Random(chance.random())) for _ in range(4)]
    for seen in await asyncio.gather(*readers):
        assert seen == list(range(1, total + 1))
    await everything
    await breaking


async def test_a_resumed_item_is_the_frame_that_was_live(server: str, actor: Actor) -> None:
    user = await actor.user()
    token = await actor.token(user)
    async with socket(server, token) as one:
        await frame(one)
        await actor.in_inbox(user, data={"jobId": "7", "deep": {"n": [1, None]}})
        live = await frame(one)
    async with socket(server, token, after=0) as again:
        await frame(again)
        assert await frame(again) == live


async def test_reading_and_removing_are_shared_between_processes(
    api: httpx.AsyncClient, server: str, other_server: str, actor: Actor
) -> None:
    user = await actor.user()
    token = await actor.token(user)
    ids = [(await actor.in_inbox(user))["id"] for _ in range(3)]
    async with socket(server, token) as phone, socket(other_server, token) as laptop:
        for connection in (phone, laptop):
            assert await frame(connection) == {"type": "ready", "seq": 3, "unread": 3}
        await laptop.send(json.dumps({"type": "read", "id": ids[0]}))
        assert await frame(phone) == {"type": "read", "id": ids[0]}
        await silence(laptop)
        await api.delete(f"/users/{user}/notifications/{ids[1]}")
        for connection in (phone, laptop):
            assert await frame(connection) == {"type": "removed", "id": ids[1]}
        await api.put("/notifications/bulk/read", json={"ids": ids})
        for connection in (phone, laptop):
            assert await frame(connection) == {"type": "read", "id": ids[2]}
        async with socket(other_server, token) as tablet:
            assert await frame(tablet) == {"type": "ready", "seq": 3, "unread": 0}


async def test_a_broadcast_reaches_everyone_who_is_connected(
    api: httpx.AsyncClient, server: str, other_server: str, actor: Actor
) -> None:
    tokens = [await actor.token(await actor.user()) for _ in range(2)]
    async with socket(server, tokens[0]) as one, socket(other_server, tokens[1]) as two:
        for connection in (one, two):
            await frame(connection)
        body = {"title": "Maintenance", "content": "At ten.", "data": {"until": "10:30"}}
        answer = await api.post("/broadcasts", json=body)
        assert answer.status_code == 202
        for connection in (one, two):
            told = await frame(connection)
            assert (told["type"], told["id"]) == ("broadcast", answer.json()["id"])
            assert datetime.fromisoformat(told["data"].pop("createdAt"))
            assert told["data"] == body
    async with socket(server, tokens[0], after=0) as again:
        assert (await frame(again))["type"] == "ready"
        await silence(again)


async def test_a_broadcast_needs_its_scope_and_its_words(
    api: httpx.AsyncClient, app: FastAPI, actor: Actor
) -> None:
    body = {"title": "Hello", "content": "All."}
    async with client(app, await actor.key("notifications:read")) as reader:
        refusal(await reader.post("/broadcasts", json=body), 403, "missing_scope")
    async with client(app, await actor.token(await actor.user())) as user:
        refusal(await user.post("/broadcasts", json=body), 403, "missing_scope")
    refusal(await api.post("/broadcasts", json={"title": "Hello"}), 422, "validation_error")
    async with client(app, await actor.key("notifications:write")) as writer:
        headers = {"Idempotency-Key": str(uuid4())}
        first = await writer.post("/broadcasts", json=body, headers=headers)
        again = await writer.post("/broadcasts", json=body, headers=headers)
        assert first.json() == again.json()
        assert UUID(first.json()["id"]).version == 7


async def test_a_reader_that_does_not_read_delays_nobody_and_is_closed(
    server: str, actor: Actor, container: Container, caplog: pytest.LogCaptureFixture
) -> None:
    """A real socket of small buffers that is never read."""
    user = await actor.user()
    token, words, total = await actor.token(user), "w" * 50_000, 60
    deaf = await asyncio.to_thread(_deaf, server, token)
    try:
        async with socket(server, token) as quick:
            await frame(quick)
            for seq in range(1, total + 1):
                await deliver(container, user, words)
                assert (await frame(quick, within=2))["seq"] == seq
            [held] = [one for one in container.inbox_bus.readers[user] if one.seq < total]
            assert held._bytes <= live_connection.BYTES_WAITING  # type: ignore[attr-defined]
            async with asyncio.timeout(protocol.ENDED_WITHIN + 5):
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


async def test_a_bus_that_was_away_is_made_up_for(
    server: str, actor: Actor, container: Container
) -> None:
    """What arrived, was read and was removed while nobody could be told."""
    user = await actor.user()
    first, second = [(await actor.in_inbox(user))["id"] for _ in range(2)]
    async with socket(server, await actor.token(user)) as one:
        await frame(one)
        bus, now = container.inbox_bus, datetime.now(UTC)
        # As if the subscription had just been lost: what follows is stored and never published.
        async with container.uow() as tx:
            await tx.inbox.mark_read(user, [UUID(first)], now)
            await tx.inbox.remove(user, UUID(second))
        third = await actor.send(user, channels=["websocket"])
        async with container.uow() as tx:
            await tx.inbox.add(user, UUID(third["id"]), now, title="T", body="B")
        await container.redis.client_kill_filter(_type="pubsub")
        got = [await frame(one, within=10) for _ in range(3)]
        assert {told["type"]: told.get("id") or told["data"]["id"] for told in got} == {
            "notification": third["id"], "read": first, "removed": second,
        }  # fmt: skip
        assert [told["seq"] for told in got if "seq" in told] == [3]
        await silence(one)
        assert bus.readers


async def test_no_token_is_logged(
    server: str, actor: Actor, caplog: pytest.LogCaptureFixture
) -> None:
    token = await actor.token(await actor.user())
    with caplog.at_level("DEBUG"):
        async with socket(server, token) as one:
            await frame(one)
    logged = [r.getMessage() for r in caplog.records if not r.name.startswith("websockets.client")]
    assert not [line for line in logged if token in line]


async def test_a_restarted_cache_loses_nothing(server: str, actor: Actor, container: Any) -> None:
    user = await actor.user()
    async with socket(server, await actor.token(user)) as one:
        await frame(one)
        await container.redis.client_kill_filter(_type="pubsub")
        ids = [(await actor.in_inbox(user))["id"] for _ in range(3)]
        got = [await frame(one, within=10) for _ in range(3)]
        assert [f["data"]["id"] for f in got] == ids
