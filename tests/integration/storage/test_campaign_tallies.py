"""The sums that triggers keep are what counting line by line gives, whatever changes lines."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from random import Random
from typing import Any

import pytest

from domain.campaigns.ids import LineRef
from domain.campaigns.records import Campaign, CampaignCounts, CampaignStatus
from domain.ports.campaigns import LineResult
from storage.campaigns import tallies
from tests.integration.storage.campaigns import (
    FAILED,
    HOUR,
    PENDING,
    SKIPPED,
    a_campaign,
    a_test,
    bare_people,
    frozen,
    sent,
)
from tests.integration.storage.conftest import Ledger, now

REASONS = ("unsubscribed", "suppressed", "no_address")
OUTCOMES = ("delivered", "failed", "bounced", "complained")
KINDS = ("opened", "clicked", "unsubscribed")


async def both(ledger: Ledger, campaign: Campaign) -> tuple[CampaignCounts, CampaignCounts]:
    """The sums, and line by line; an instant that is kept by the minute left out."""
    async with ledger.uow() as tx:
        await tx.campaigns._db.execute("set transaction isolation level repeatable read")
        kept, counted = (
            await tx.campaigns.counts(campaign),
            await tx.campaigns.count_lines(campaign),  # type: ignore[attr-defined]
        )
    for one, other in ((kept.last_due_at, counted.last_due_at),):
        assert (one is None) is (other is None)
        assert one is None or other is None or other <= one < other + timedelta(minutes=1)
    return replace(kept, last_due_at=None), replace(counted, last_due_at=None)


async def change(ledger: Ledger, campaign: Campaign, random: Random, count: int) -> None:
    """Something that happens to lines of a campaign."""
    ordinals = random.sample(range(count), 5)
    what = random.randrange(6)
    async with ledger.uow() as tx:
        if what == 0:
            due = [now() + random.choice((-1, 1, 2)) * HOUR for _ in ordinals]
            results = [
                LineResult(n, PENDING, "quiet_hours", due_at=at)
                for n, at in zip(ordinals, due, strict=True)
            ]
            await tx.campaigns.settle(campaign.id, results, at=now())
        elif what == 1:
            results = [LineResult(n, SKIPPED, random.choice(REASONS)) for n in ordinals]
            await tx.campaigns.settle(campaign.id, results, at=now())
        elif what == 2:
            results = [LineResult(ordinals[0], FAILED, "invalid_address"), *map(sent, ordinals[1:])]
            await tx.campaigns.settle(campaign.id, results, at=now())
        elif what == 3:
            line = LineRef(campaign.id, ordinals[0])
            await tx.campaigns.receive(line, random.choice(OUTCOMES), now())
        elif what == 4:
            lines = [LineRef(campaign.id, n) for n in ordinals]
            await tx.campaigns.engaged(lines, random.sample(KINDS, 2), now())
        else:
            low = ordinals[0]
            await tx.campaigns.close_range(campaign.id, low, low + 1, now())


async def age(ledger: Ledger, campaign: Campaign) -> None:
    """As if all so far had happened some minutes ago."""
    async with ledger.uow() as tx:
        await tx.campaigns._db.execute(
            "update campaign_tallies set at = at - interval '5 minutes' where campaign_id = $1",
            campaign.id,
        )


async def pieces(ledger: Ledger, campaign: Campaign) -> int:
    async with ledger.uow() as tx:
        found: int = await tx.campaigns._db.fetchval(
            "select count(*) from campaign_tallies where campaign_id = $1", campaign.id
        )
    return found


@pytest.mark.parametrize("seed", range(4))
async def test_the_sums_are_what_the_lines_are(
    ledger: Ledger, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    random = Random(seed)
    zones = {None: now() + HOUR} if seed % 2 else None
    drawn = a_campaign(await bare_people(ledger, 60), test=a_test() if seed > 1 else None)
    campaign = await frozen(ledger, drawn, zones)
    for _ in range(60):
        await change(ledger, campaign, random, 60)
    kept, counted = await both(ledger, campaign)
    assert kept == counted
    assert kept.recipients == 60
    await age(ledger, campaign)
    before = await pieces(ledger, campaign)
    monkeypatch.setattr(tallies, "MOST_ROWS", 0)
    await both(ledger, campaign)
    assert await pieces(ledger, campaign) < before
    kept, counted = await both(ledger, campaign)
    assert replace(kept, sent_lately=0) == replace(counted, sent_lately=0)
    for status in (CampaignStatus.CANCELLED, CampaignStatus.COMPLETED):
        kept, counted = await both(ledger, replace(campaign, status=status))
        assert replace(kept, sent_lately=0) == replace(counted, sent_lately=0)


async def test_nothing_is_lost_while_many_write_and_many_fold(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tallies, "MOST_ROWS", 0)
    folding = tallies._FOLD.replace("- interval '2 minutes'", "+ interval '1 minute'")
    assert folding != tallies._FOLD
    monkeypatch.setattr(tallies, "_FOLD", folding)
    campaign = await frozen(ledger, a_campaign(await bare_people(ledger, 400)))
    over = asyncio.Event()

    async def watch() -> int:
        looked = 0
        while not over.is_set():
            async with ledger.uow() as tx:
                counts = await tx.campaigns.counts(campaign)
            skipped = sum(counts.skipped.values())
            assert counts.sent + skipped + counts.failed + counts.pending == 400
            looked += 1
        return looked

    async def write(seed: int) -> None:
        for _ in range(30):
            await change(ledger, campaign, random := Random(seed), 400)
            seed = random.randrange(10**9)

    watching = [asyncio.create_task(watch()) for _ in range(3)]
    writing = [asyncio.create_task(write(seed)) for seed in range(6)]
    done: Any = await asyncio.gather(*writing, return_exceptions=True)
    over.set()
    assert min(await asyncio.gather(*watching)) > 3
    # Writers that change the same lines in other orders may meet; what one took back counts not.
    assert all(error is None or "deadlock" in str(error) for error in done)
    kept, counted = await both(ledger, campaign)
    assert replace(kept, sent_lately=0) == replace(counted, sent_lately=0)
