"""Circuit breakers and provider limits on a real Valkey, seen from two processes."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from uuid import uuid4

import pytest
from redis.asyncio import Redis

from domain.ports.breakers import BreakerState
from storage.breakers import ValkeyBreakers, ValkeyProviderLimits

ZERO = timedelta(0)
COOLDOWN = timedelta(milliseconds=300)


@pytest.fixture
async def redis(redis_url: str) -> AsyncIterator["Redis"]:
    async with Redis.from_url(redis_url, protocol=2) as opened:
        yield opened


def provider() -> str:
    return f"p{uuid4().hex}"


def process(redis: "Redis", **changes: object) -> ValkeyBreakers:
    return ValkeyBreakers(redis, failures=3, cooldown=COOLDOWN, **changes)  # type: ignore[arg-type]


async def fail(breakers: ValkeyBreakers, name: str, times: int) -> None:
    for _ in range(times):
        await breakers.note(name, healthy=False)


async def rested(breakers: ValkeyBreakers, name: str) -> None:
    """Until the circuit lets its trial through."""
    async with asyncio.timeout(5):
        while (rest := (await breakers.rest([name])).get(name)) is not None:
            await asyncio.sleep(min(rest.total_seconds(), 0.05))


async def test_failures_in_a_row_open_it_for_every_process(redis: "Redis") -> None:
    here, there, name = process(redis), process(redis), provider()
    await fail(here, name, 2)
    assert await here.rest([name]) == {}
    await there.rest([name])
    await there.note(name, healthy=True)
    await fail(here, name, 2)
    assert await here.rest([name]) == {}, "a success in between starts the count anew"
    await fail(there, name, 1)
    for one in (here, there):
        rest = (await one.rest([name]))[name]
        assert ZERO < rest <= COOLDOWN
    assert (await here.view(name)).state is BreakerState.OPEN


async def test_after_its_rest_one_call_is_let_through_and_closes_it(redis: "Redis") -> None:
    here, there, name = process(redis), process(redis), provider()
    await fail(here, name, 3)
    await rested(here, name)
    assert (await there.rest([name]))[name] > ZERO, "the trial is under way"
    assert (await there.view(name)).state is BreakerState.HALF_OPEN
    await here.note(name, healthy=True)
    assert await there.rest([name]) == {}
    assert (await there.view(name)).state is BreakerState.CLOSED


async def test_a_failed_trial_opens_it_again_at_once(redis: "Redis") -> None:
    here, name = process(redis), provider()
    await fail(here, name, 3)
    await rested(here, name)
    await fail(here, name, 1)
    assert (await here.rest([name]))[name] > ZERO


async def test_failures_far_apart_are_no_outage(redis: "Redis") -> None:
    here, name = process(redis, window=timedelta(milliseconds=50)), provider()
    await fail(here, name, 2)
    async with asyncio.timeout(5):
        while (await here.view(name)).failures:
            await asyncio.sleep(0.01)
    await fail(here, name, 2)
    assert await here.rest([name]) == {}


async def test_only_the_one_that_is_down_rests(redis: "Redis") -> None:
    here, down, well = process(redis), provider(), provider()
    await fail(here, down, 3)
    assert (await here.rest([down, well])).keys() == {down}


async def test_without_valkey_everything_is_worth_a_try() -> None:
    async with Redis.from_url("redis://127.0.0.1:9", protocol=2) as nowhere:
        here = process(nowhere)
        await here.note("resend", healthy=False)
        assert await here.rest(["resend"]) == {}
        assert (await here.view("resend")).state is BreakerState.CLOSED
        limits = ValkeyProviderLimits(nowhere, {"resend": 1})
        assert await limits.reserve("resend", uuid4(), urgent=False) == ZERO


async def test_places_in_the_line_are_a_step_apart_and_kept(redis: "Redis") -> None:
    name = provider()
    limits = ValkeyProviderLimits(redis, {name: 10})
    deliveries = [uuid4() for _ in range(15)]
    rests = [await limits.reserve(name, item, urgent=False) for item in deliveries]
    assert rests[:10] == [ZERO] * 10, "a second's worth goes at once"
    waits = [rest.total_seconds() for rest in rests[10:]]
    assert all(0 < wait <= 0.1 * (n + 1) + 0.05 for n, wait in enumerate(waits)), waits
    assert waits == sorted(waits)
    again = await limits.reserve(name, deliveries[-1], urgent=False)
    assert ZERO < again <= rests[-1], "asking again does not lose the place"
    assert await limits.reserve(name, uuid4(), urgent=True) == ZERO
    async with asyncio.timeout(5):
        while await limits.reserve(name, deliveries[-1], urgent=False) > ZERO:
            await asyncio.sleep(0.02)


async def test_a_place_that_is_to_be_kept_is_paid_for_once(redis: "Redis") -> None:
    """Granted here, its messages may have to wait for something else."""
    limits, line = ValkeyProviderLimits(redis, {}), provider()
    first, second, third = uuid4(), uuid4(), uuid4()
    assert await limits.pace(line, 1, first, count=10, keep=True) == ZERO
    assert await limits.pace(line, 1, first, count=10, keep=True) == ZERO
    wait = await limits.pace(line, 1, second, count=10)
    assert timedelta(seconds=8) < wait <= timedelta(seconds=10)
    assert await limits.pace(line, 1, third) > timedelta(seconds=18)


async def test_other_accounts_have_no_limit(redis: "Redis") -> None:
    limits = ValkeyProviderLimits(redis, {"resend": 1})
    assert await limits.reserve(provider(), uuid4(), urgent=False) == ZERO


async def test_a_line_of_ones_own_lets_a_minutes_worth_go_and_keeps_the_next_place(
    redis: Redis,
) -> None:
    """As a campaign with a cap of 60 a minute asks, 60 at a time."""
    limits = ValkeyProviderLimits(redis, {})
    line, first, second = f"campaign:{uuid4()}", uuid4(), uuid4()
    assert await limits.pace(line, 1.0, first, count=60) == timedelta(0)
    wait = await limits.pace(line, 1.0, second, count=60)
    assert timedelta(seconds=57) < wait <= timedelta(seconds=60)
    again = await limits.pace(line, 1.0, second, count=60)
    assert wait - timedelta(seconds=5) < again <= wait, "the same place, not another"
    third = await limits.pace(line, 1.0, uuid4(), count=60)
    assert third > wait + timedelta(seconds=55)
    assert await limits.pace(f"campaign:{uuid4()}", 1.0, uuid4(), count=60) == timedelta(0)
