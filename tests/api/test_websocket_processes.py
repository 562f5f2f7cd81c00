"""The live inbox of several API processes over one Valkey that comes and goes."""

import asyncio
import json
import random
from datetime import UTC, datetime
from uuid import UUID, uuid4

import httpx
import pytest
from fastapi import FastAPI
from redis.asyncio import Redis

from runtime.container import Container
from services.people.inbox import InboxService
from storage.inbox_bus import InboxBus
from tests.api.conftest import Actor, client, refusal
from tests.api.live import deliver, frame, silence, socket


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


async def test_a_broadcast_that_nobody_can_hear_is_refused(
    api: httpx.AsyncClient, container: Container, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with Redis.from_url("redis://127.0.0.1:1/0") as nowhere:
        deaf = InboxService(container.uow, InboxBus(nowhere), container.starter, container.clock)
        monkeypatch.setattr(container, "inbox", deaf)
        body = {"title": "Hello", "content": "All."}
        refusal(await api.post("/broadcasts", json=body), 503, "live_bus_unavailable")


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


async def test_a_restarted_cache_loses_nothing(
    server: str, actor: Actor, container: Container
) -> None:
    user = await actor.user()
    async with socket(server, await actor.token(user)) as one:
        await frame(one)
        await container.redis.client_kill_filter(_type="pubsub")
        ids = [(await actor.in_inbox(user))["id"] for _ in range(3)]
        got = [await frame(one, within=10) for _ in range(3)]
        assert [f["data"]["id"] for f in got] == ids
