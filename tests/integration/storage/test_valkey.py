"""Caches and quotas on a Valkey of their own, which is killed and comes back."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta
from pathlib import Path

import pytest
from redis.asyncio import Redis

from domain.ids import preferences_cache_key
from domain.preferences import Preferences
from runtime.embedded.stack import EmbeddedStack
from storage.cache import CacheBus, PreferencesCache
from storage.precedence import LASTS, LOOKS_EVERY, ValkeyPrecedence
from storage.quotas import ValkeyQuotas
from storage.valkey import Courtesy
from tests.integration.own_valkey import client, own_valkey

USER = "ada"
PATIENT = timedelta(seconds=30)


@pytest.fixture(scope="module")
async def valkey(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[EmbeddedStack]:
    async with own_valkey(Path(tmp_path_factory.mktemp("valkey"))) as running:
        yield running


@pytest.fixture
async def redis(valkey: EmbeddedStack) -> AsyncIterator["Redis"]:
    async with client(valkey.redis_url) as opened:
        await opened.flushall()
        yield opened


@asynccontextmanager
async def cache(url: str) -> AsyncIterator[tuple[PreferencesCache, CacheBus]]:
    """One process's caches."""
    async with client(url) as redis, CacheBus(redis) as bus:
        async with asyncio.timeout(5):
            await bus.hears.wait()
        yield PreferencesCache(bus), bus


class Database:
    """What the caches stand before; counts how often it is asked."""

    def __init__(self) -> None:
        self.language = "en"
        self.reads = 0

    async def read(self) -> Preferences:
        self.reads += 1
        return Preferences(user_id=USER, language=self.language)


async def until(condition: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(10):
        while not await condition():
            await asyncio.sleep(0.02)


async def test_the_nearest_place_answers(redis: "Redis", valkey: EmbeddedStack) -> None:
    database, key = Database(), preferences_cache_key(USER)
    async with AsyncExitStack() as both:
        ours, _ = await both.enter_async_context(cache(valkey.redis_url))
        theirs, _ = await both.enter_async_context(cache(valkey.redis_url))
        first = await ours.get(USER, database.read)
        assert await ours.get(USER, database.read) == first
        assert await theirs.get(USER, database.read) == first
        assert database.reads == 1
        assert 3590 < await redis.ttl(key) <= 3600
        await redis.set(key, b"not preferences")
        assert await ours.get(USER, database.read) == first
    async with cache(valkey.redis_url) as (fresh, _):
        assert await fresh.get(USER, database.read) == first
    assert database.reads == 2


async def test_a_change_is_seen_by_every_process(redis: "Redis", valkey: EmbeddedStack) -> None:
    database = Database()
    async with AsyncExitStack() as both:
        ours, _ = await both.enter_async_context(cache(valkey.redis_url))
        theirs, _ = await both.enter_async_context(cache(valkey.redis_url))
        for process in (ours, theirs):
            await process.get(USER, database.read)
        database.language = "de"
        await ours.drop(USER)
        assert (await ours.get(USER, database.read)).language == "de"

        async def told() -> bool:
            return (await theirs.get(USER, database.read)).language == "de"

        await until(told)


async def test_a_value_read_before_a_change_is_not_put_back(
    redis: "Redis", valkey: EmbeddedStack
) -> None:
    database = Database()
    async with cache(valkey.redis_url) as (ours, _):

        async def slow_read() -> Preferences:
            old = await database.read()
            database.language = "de"
            await ours.drop(USER)
            return old

        assert (await ours.get(USER, slow_read)).language == "en"
        assert (await ours.get(USER, database.read)).language == "de"


async def test_without_valkey_the_database_answers_and_nothing_old_survives(
    redis: "Redis", valkey: EmbeddedStack
) -> None:
    database, key = Database(), preferences_cache_key(USER)
    async with AsyncExitStack() as both:
        ours, bus = await both.enter_async_context(cache(valkey.redis_url))
        theirs, other = await both.enter_async_context(cache(valkey.redis_url))
        await theirs.get(USER, database.read)
        valkey.kill("valkey")

        async def deaf() -> bool:
            return not (bus.hears.is_set() or other.hears.is_set())

        await until(deaf)
        database.language = "de"
        await ours.drop(USER)
        assert (await theirs.get(USER, database.read)).language == "de"
        await valkey.wait_ready("valkey")
        await asyncio.gather(bus.hears.wait(), other.hears.wait())
        assert (await theirs.get(USER, database.read)).language == "de"
        async with client(valkey.redis_url) as again:
            assert await again.get(key) in {b"", None}


async def test_a_limit_is_kept_by_all_processes_together(
    redis: "Redis", valkey: EmbeddedStack
) -> None:
    async with client(valkey.redis_url) as second:
        processes = [ValkeyQuotas(one, Courtesy(within=PATIENT)) for one in (redis, second)]
        answers = await asyncio.gather(*(processes[n % 2].take("key-1", 30) for n in range(50)))
    allowed = [answer for answer in answers if answer.allowed]
    assert len(allowed) == 30
    assert sorted(answer.remaining for answer in allowed) == list(range(30))
    for answer in answers:
        assert answer.limit == 30
        assert timedelta(0) < answer.reset <= timedelta(minutes=1)
    refused = [answer for answer in answers if not answer.allowed]
    assert all(timedelta(0) < a.retry_after <= timedelta(seconds=2) for a in refused)
    assert (await processes[0].take("key-2", 30)).remaining == 29


async def test_who_waits_as_told_is_let_in(redis: "Redis") -> None:
    quotas = ValkeyQuotas(redis, Courtesy(within=PATIENT))
    for _ in range(600):
        last = await quotas.take("key-3", 600)
    refused = last if not last.allowed else await quotas.take("key-3", 600)
    while refused.allowed:
        refused = await quotas.take("key-3", 600)
    await asyncio.sleep(refused.retry_after.total_seconds())
    assert (await quotas.take("key-3", 600)).allowed


async def test_without_valkey_every_call_is_allowed_and_none_waits() -> None:
    async with client("redis://127.0.0.1:1") as nobody:
        quotas = ValkeyQuotas(nobody)
        async with asyncio.timeout(1):
            for _ in range(200):
                assert (await quotas.take("key", 1)).allowed


async def test_who_can_wait_gives_way_for_a_moment_and_then_has_its_turn(
    redis: "Redis", valkey: EmbeddedStack
) -> None:
    async with client(valkey.redis_url) as second:
        urgent, waiting = ValkeyPrecedence(redis), ValkeyPrecedence(second)
        moment = LASTS.total_seconds()
        assert await took(waiting.give_way()) < moment / 3
        await asyncio.sleep(2 * LOOKS_EVERY)
        await urgent.claim()
        first = asyncio.create_task(took(waiting.give_way()))
        await asyncio.sleep(moment / 5)
        together = [await took(waiting.give_way()), await first]
        assert all(moment / 3 < one < 5 * moment for one in together), together
        await urgent.claim()
        assert await took(waiting.give_way()) < moment / 3, "as long as it waited, it may go on"


async def took(step: Awaitable[None]) -> float:
    """Seconds."""
    began = time.monotonic()
    await step
    return time.monotonic() - began


async def test_without_valkey_nobody_gives_way() -> None:
    async with client("redis://127.0.0.1:1") as nobody:
        precedence = ValkeyPrecedence(nobody)
        await precedence.claim()
        assert await took(precedence.give_way()) < 0.1


async def test_a_silent_valkey_is_given_up_on_and_asked_again_later() -> None:
    courtesy = Courtesy(within=timedelta(milliseconds=30), rest=timedelta(milliseconds=60))

    async def never() -> str:
        await asyncio.Event().wait()
        return "never"

    async def soon() -> str:
        return "soon"

    assert await courtesy.ask(soon) == "soon"
    assert await courtesy.ask(never) is None
    assert await courtesy.ask(soon) is None
    await asyncio.sleep(0.07)
    assert await courtesy.ask(soon) == "soon"
