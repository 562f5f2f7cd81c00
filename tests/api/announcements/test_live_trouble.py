"""Announcements on open connections while buses, processes and connections come and go."""

import asyncio
import random

import httpx
import pytest

from runtime.container import Container
from tests.api.announcements.calls import announce, ready
from tests.api.conftest import Actor
from tests.api.live import frame, silence, socket

pytestmark = pytest.mark.usefixtures("nothing_shown")


async def test_a_connection_that_comes_back_hears_what_changed_meanwhile(
    api: httpx.AsyncClient, server: str, actor: Actor
) -> None:
    user = await actor.user()
    token = await actor.token(user)
    kept, edited, withdrawn = [await announce(api, title=f"A {n}") for n in range(3)]
    async with socket(server, token) as one:
        await frame(one)
        last = [await frame(one) for _ in range(3)][-1]["version"]
    await api.put(f"/announcements/{edited['id']}", json={"title": "New"})
    await api.delete(f"/announcements/{withdrawn['id']}")
    fresh, passing = await announce(api), await announce(api)
    await api.put(f"/announcements/{fresh['id']}", json={"title": "Fresh"})
    await api.delete(f"/announcements/{passing['id']}")
    async with socket(server, token, announcedAfter=last) as again:
        assert await frame(again) == ready(unread=3)
        told = [await frame(again) for _ in range(3)]
        await silence(again)
        assert [f["type"] for f in told] == [
            "announcement_updated", "announcement_withdrawn", "announcement",
        ]  # fmt: skip
        assert [f.get("id") or f["data"]["id"] for f in told] == [
            edited["id"], withdrawn["id"], fresh["id"],
        ]  # fmt: skip
        assert told[0]["data"]["title"] == "New"
        assert told[2]["data"]["title"] == "Fresh"
        await api.put(f"/announcements/{kept['id']}", json={"title": "Kept"})
        assert (await frame(again))["data"]["title"] == "Kept"


async def test_a_bus_that_was_away_is_made_up_for(
    api: httpx.AsyncClient, server: str, actor: Actor, container: Container,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    async with socket(server, await actor.token(await actor.user())) as one:
        await frame(one)

        async def deaf(_frame: object) -> int:
            raise ConnectionError("away")

        with monkeypatch.context() as broken:
            broken.setattr(container.inbox_bus, "broadcast", deaf)
            made = await announce(api)
            await silence(one)
        await container.redis.client_kill_filter(_type="pubsub")
        assert (await frame(one, within=10))["data"]["id"] == made["id"]
        await silence(one)


async def test_two_processes_random_disconnects_and_a_lossy_bus_lose_and_repeat_nothing(
    api: httpx.AsyncClient, server: str, other_server: str, actor: Actor, container: Container
) -> None:
    token, total, chance = await actor.token(await actor.user()), 25, random.Random(5)

    async def announcing() -> list[str]:
        made = []
        for n in range(total):
            made.append((await announce(api, title=f"A {n}"))["id"])
            if n % 8 == 4:
                await container.redis.client_kill_filter(_type="pubsub")
        return made

    async def follow(chance: random.Random) -> list[str]:
        seen: list[str] = []
        last: dict[str, int] = {}
        while len(seen) < total:
            async with socket(chance.choice([server, other_server]), token, **last) as one:
                assert (await frame(one))["type"] == "ready"
                for _ in range(min(chance.randint(1, 6), total - len(seen))):
                    told = await frame(one, within=20)
                    assert told["type"] == "announcement", told
                    seen.append(told["data"]["id"])
                    last = {"announcedAfter": told["version"]}
        return seen

    making = asyncio.create_task(announcing())
    readers = [follow(random.Random(chance.random())) for _ in range(3)]
    for seen in await asyncio.gather(*readers):
        assert seen == await making
