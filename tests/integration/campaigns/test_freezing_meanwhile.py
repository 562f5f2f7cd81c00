"""The audience is written while others pause, cancel, and move house."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, time, timedelta
from typing import Any

import pytest

from domain.campaigns.messages import FreezeInput, Frozen
from domain.campaigns.records import Campaign, CampaignStatus
from domain.campaigns.shapes import AmendCampaign, Schedule
from domain.errors import Conflict
from storage.campaigns.rows import SqlCampaigns
from tests.integration.campaigns.conftest import ACTOR, Bench, sums


@pytest.fixture
def slow(monkeypatch: pytest.MonkeyPatch) -> Callable[[], tuple[asyncio.Event, asyncio.Event]]:
    """The recipients are written, and the statement does not end until it is let."""

    def make() -> tuple[asyncio.Event, asyncio.Event]:
        written, let = asyncio.Event(), asyncio.Event()
        freeze = SqlCampaigns.freeze

        async def held(self: SqlCampaigns, *arguments: Any) -> int:
            count = await freeze(self, *arguments)
            written.set()
            await let.wait()
            return count

        monkeypatch.setattr(SqlCampaigns, "freeze", held)
        return written, let

    return make


@asynccontextmanager
async def freezing(
    bench: Bench, campaign: Campaign, slow: Callable[[], tuple[asyncio.Event, asyncio.Event]]
) -> AsyncIterator[asyncio.Task[Frozen]]:
    written, let = slow()
    command = FreezeInput(campaign_id=campaign.id, now=bench.now())
    task = asyncio.create_task(bench.run.freeze(command))
    await written.wait()
    try:
        async with asyncio.timeout(5):
            yield task
    finally:
        let.set()
        await asyncio.wait([task])


async def test_it_is_paused_and_amended_meanwhile(bench: Bench, slow: Any) -> None:
    draft = await bench.draft(await bench.users(3))
    await bench.campaigns.send(draft.id, ACTOR)
    async with freezing(bench, draft, slow) as task:
        await bench.campaigns.pause(draft.id, ACTOR)
        await bench.campaigns.amend(draft.id, AmendCampaign(name="Other"), ACTOR)
    assert (await task).recipients == 3
    campaign = await bench.campaigns.get(draft.id)
    assert (campaign.status, campaign.name, campaign.recipients) == (
        CampaignStatus.PAUSED, "Other", 3,
    )  # fmt: skip
    assert (await bench.campaigns.resume(draft.id, ACTOR)).status is CampaignStatus.RUNNING


async def test_cancelled_meanwhile_nobody_is_written(bench: Bench, slow: Any) -> None:
    draft = await bench.draft(await bench.users(3))
    await bench.campaigns.send(draft.id, ACTOR)
    async with freezing(bench, draft, slow) as task:
        view = await bench.campaigns.cancel(draft.id, ACTOR)
    with pytest.raises(Conflict):
        await task
    assert view.counts.recipients == 0
    assert await bench.accounts(draft) == sums()
    again = FreezeInput(campaign_id=draft.id, now=bench.now())
    assert await bench.run.freeze(again) == Frozen(recipients=0)


async def test_two_attempts_write_once(bench: Bench, slow: Any) -> None:
    draft = await bench.draft(await bench.users(3))
    await bench.campaigns.send(draft.id, ACTOR)
    command = FreezeInput(campaign_id=draft.id, now=bench.now())
    async with freezing(bench, draft, slow) as task:
        second = asyncio.create_task(bench.run.freeze(command))
        done, _ = await asyncio.wait([second], timeout=0.2)
        assert not done
    assert await task == await second
    assert (await bench.accounts(draft))["pending"] == 3


async def test_who_moves_to_a_new_zone_while_it_is_frozen_is_due_as_usual(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The zones were read, then the recipients."""

    async def nobody(*_: object) -> tuple[object, ...]:
        return ()

    monkeypatch.setattr(SqlCampaigns, "zones", nobody)
    draft = await bench.draft(await bench.users(1, timezone="Pacific/Auckland"))
    day = (bench.now() + timedelta(days=3)).date()
    schedule = Schedule(local_time=time(9), date=day, timezone="UTC")
    await bench.campaigns.schedule(draft.id, schedule, ACTOR)
    await bench.run.freeze(FreezeInput(campaign_id=draft.id, now=bench.now()))
    [one] = await bench.recipients(await bench.campaigns.get(draft.id))
    assert one.due_at == datetime.combine(day, time(9), UTC)
