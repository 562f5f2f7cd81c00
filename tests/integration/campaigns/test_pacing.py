"""Caps and warm-up: on every channel, counted once, and never in the way of a pause."""

import asyncio
from datetime import timedelta

import pytest

from domain.campaigns.records import RecipientStatus
from domain.delivering import RetryLater
from domain.ports.providers import Rejected, Retry
from tests.integration.campaigns.conftest import ACTOR, Bench, emails, sums

DAY = timedelta(days=1)
BOTH = ["email", "websocket"]


async def test_a_cap_counts_every_channel(bench: Bench) -> None:
    users = await bench.users(5)
    campaign = await bench.running(users, rate={"perMinute": 4}, channels=BOTH)
    await bench.deliver(campaign)
    assert sum(bench.vendor.received.values()) + len(bench.core.starter.started) == 4
    assert bench.core.breakers.paced == [(f"campaign:{campaign.id}", 4 / 60, 4)]


async def test_no_place_under_the_cap_hands_nothing_on(bench: Bench) -> None:
    campaign = await bench.running(
        await bench.users(3), rate={"perMinute": 2}, channels=["websocket"]
    )
    bench.core.breakers.waits = [timedelta(seconds=9)]
    with pytest.raises(RetryLater) as later:
        await bench.deliver(campaign)
    assert later.value.after == timedelta(seconds=9)
    assert bench.core.starter.started == []
    await bench.deliver(campaign)
    assert len(bench.core.starter.started) == 2


async def test_warm_up_puts_off_what_is_no_email(bench: Bench) -> None:
    users = await bench.users(3)
    campaign = await bench.running(users, rate={"warmUp": [{"day": 1, "max": 4}]}, channels=BOTH)
    assert campaign.started_at is not None
    assert (await bench.deliver(campaign)).due_at == campaign.started_at + DAY
    assert sum(bench.vendor.received.values()) + len(bench.core.starter.started) == 4
    late = await bench.recipients(campaign, RecipientStatus.PENDING)
    assert [r.reason for r in late if r.due_at].count("warm_up") == 2
    bench.ahead = DAY + timedelta(minutes=1)
    await bench.finished(campaign)
    bench.vendor.assert_once(emails(users))
    assert len(set(bench.core.starter.started)) == len(bench.core.starter.started) == 3


async def test_what_was_refused_leaves_its_place_in_the_day(bench: Bench) -> None:
    users = await bench.users(6)
    campaign = await bench.running(users, rate={"warmUp": [{"day": 1, "max": 3}]})
    bench.vendor.steps = [Retry("provider_unavailable", "503"), Rejected("invalid", "No.")]
    await bench.finished(campaign)
    # Three were refused once, then for good; three more are put off, though nothing left.
    assert await bench.accounts(campaign) == sums(failed={"invalid": 3}, pending=3)
    late = await bench.recipients(campaign, RecipientStatus.PENDING)
    async with bench.uow() as tx:
        began = campaign.started_at or bench.now()
        assert await tx.campaigns.take_share(campaign.id, 1, began, 3, 5) == 3
    assert {r.reason for r in late} == {"warm_up"}


async def test_a_call_nobody_knows_of_keeps_its_place_in_the_day(bench: Bench) -> None:
    users = await bench.users(4)
    campaign = await bench.running(users, rate={"warmUp": [{"day": 1, "max": 2}]})
    bench.vendor.steps = [bench.vendor.lost_answer()]
    assert await bench.finished(campaign) == ["timeout"]
    assert await bench.accounts(campaign) == sums(sent=2, pending=2)
    async with bench.uow() as tx:
        began = campaign.started_at or bench.now()
        assert await tx.campaigns.take_share(campaign.id, 1, began, 3, 5) == 1


async def test_a_warm_up_that_comes_later_counts_what_left_that_day(bench: Bench) -> None:
    users = await bench.users(6)
    campaign = await bench.running(users, rate={"perMinute": 3})
    await bench.deliver(campaign)
    await bench.amended_while_paused(campaign, rate={"warmUp": [{"day": 1, "max": 4}]})
    await bench.finished(campaign)
    assert await bench.accounts(campaign) == sums(sent=4, pending=2)


async def test_a_pause_goes_before_chunks_that_come_later(bench: Bench) -> None:
    """However many take turns, so that there is always one that holds the campaign."""
    campaign = await bench.running(await bench.users(1))
    paused = asyncio.Event()

    async def chunk(place: int) -> None:
        await asyncio.sleep(place / 40)
        while not paused.is_set():
            async with bench.uow() as tx:
                await tx.campaigns.hold(campaign.id)
                await asyncio.sleep(0.2)

    chunks = [asyncio.create_task(chunk(place)) for place in range(8)]
    await asyncio.sleep(0.3)
    try:
        async with asyncio.timeout(2):
            await bench.campaigns.pause(campaign.id, ACTOR)
    finally:
        paused.set()
        await asyncio.gather(*chunks)


async def test_a_pause_does_not_wait_for_chunks_that_wait_for_their_share(bench: Bench) -> None:
    campaign = await bench.running(await bench.users(8), rate={"warmUp": [{"day": 1, "max": 4}]})
    async with bench.uow() as tx:
        await tx.campaigns.take_share(campaign.id, 1, campaign.started_at or bench.now(), 4, 1)
        chunk = asyncio.create_task(bench.deliver(campaign))
        async with asyncio.timeout(5):
            while not await waiting(bench):
                await asyncio.sleep(0.01)
            await bench.campaigns.pause(campaign.id, ACTOR)
    [ended] = await asyncio.gather(chunk, return_exceptions=True)
    assert getattr(ended, "code", None) == "campaign_changed"
    assert bench.vendor.calls == []


async def waiting(bench: Bench) -> bool:
    """Somebody waits for the day's row."""
    async with bench.uow() as tx:
        found: bool = await tx.campaigns._db.fetchval(
            "select exists (select from pg_stat_activity where wait_event_type = 'Lock'"
            " and query like '%campaign_days%')"
        )
    return found
