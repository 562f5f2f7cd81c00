"""Channels that wait apart, places that are paid for, and pauses nobody asked for."""

from datetime import timedelta
from uuid import UUID

import pytest

from domain.campaigns.messages import ChunkState
from domain.campaigns.records import CampaignStatus
from domain.delivering import RetryLater
from domain.enums import Channel
from domain.messages import DeliverOutcome
from domain.ports.providers import Rejected, Retry, Uncertain
from services.campaigns.route import CampaignRoute, ChunkWay
from services.campaigns.service import PAUSED_BY
from tests.integration.campaigns.conftest import ACTOR, Bench, emails, sums
from tests.integration.conftest import Breakers

BOTH = ["email", "websocket"]
SOON = timedelta(seconds=9)


async def test_emails_that_wait_for_the_account_do_not_hold_the_inbox(bench: Bench) -> None:
    users = await bench.users(2)
    campaign = await bench.running(users, channels=BOTH)
    bench.core.breakers.waits = [SOON, SOON]
    result = await bench.deliver(campaign)
    assert result.due_at is not None
    assert result.due_at <= bench.now()
    assert len(bench.core.starter.started) == 2
    with pytest.raises(RetryLater, match="rate_limited") as later:
        await bench.deliver(campaign)
    assert later.value.after == SOON
    assert bench.vendor.calls == []
    assert await bench.finished(campaign) == []
    bench.vendor.assert_once(emails(users))


async def test_under_a_cap_each_message_is_paid_for_once_though_emails_wait(bench: Bench) -> None:
    users = await bench.users(3)
    campaign = await bench.running(users, channels=BOTH, rate={"perMinute": 60})
    await bench.deliver(campaign)
    assert (len(bench.core.starter.started), bench.vendor.calls) == (3, [])
    assert await bench.finished(campaign) == []
    line = f"campaign:{campaign.id}"
    assert bench.core.breakers.paced == [(line, 1, 3), (line, 1, 3)]
    bench.vendor.assert_once(emails(users))


class Places(Breakers):
    """Remembers which places were asked for."""

    def __init__(self) -> None:
        super().__init__()
        self.places: list[UUID] = []

    async def pace(
        self,
        line: str,
        rate: float,
        place: UUID,
        *,
        urgent: bool = False,
        count: int = 1,
        keep: bool = False,
    ) -> timedelta:
        self.places.append(place)
        return await super().pace(line, rate, place, urgent=urgent, count=count, keep=keep)


async def test_a_place_is_for_these_lines_and_no_others(bench: Bench) -> None:
    """One of them was refused and comes first again, with lines that have not paid."""
    campaign = await bench.running(await bench.users(4), rate={"perMinute": 60})
    async with bench.uow() as tx:
        lines = await tx.campaigns.load_lines(campaign.id, 0, 499, bench.now())
    places = Places()
    route, way = CampaignRoute(bench, places, places), ChunkWay(bench.vendor)
    for some in (lines[:2], lines[:2], (lines[0], lines[2])):
        await route.turn(campaign, some, way)
    first, again, others = places.places
    assert first == again != others


async def test_a_campaign_that_paused_itself_holds_the_other_channels_too(bench: Bench) -> None:
    users = await bench.users(100)
    campaign = await bench.running(users, channels=BOTH)
    bench.core.provider.channel = Channel.WEBSOCKET
    bench.vendor.steps = [Rejected("validation_error", "422")]
    await bench.deliver(campaign)
    assert (await bench.deliver(campaign)).state is ChunkState.HELD
    paused = await bench.campaigns.get(campaign.id)
    assert paused.status is CampaignStatus.PAUSED
    assert (paused.reason or "").startswith(PAUSED_BY)
    handed_on = bench.core.starter.started[0]
    assert (await bench.core.plan(handed_on)).ready == ()

    await bench.campaigns.resume(campaign.id, ACTOR)
    assert (await bench.core.plan(handed_on)).ready == (Channel.WEBSOCKET,)
    delivered = await bench.core.deliver(handed_on, Channel.WEBSOCKET)
    assert delivered.outcome is DeliverOutcome.SENT


async def test_a_batch_in_doubt_keeps_its_share_of_the_day_until_it_is_answered(
    bench: Bench,
) -> None:
    users = await bench.users(4)
    campaign = await bench.running(users, rate={"warmUp": [{"day": 1, "max": 2}]})
    limit = Retry("rate_limited", "429")
    bench.vendor.steps = [Uncertain("timeout", "No answer."), limit]
    for code in ("timeout", "rate_limited"):
        with pytest.raises(RetryLater, match=code):
            await bench.deliver(campaign)
        async with bench.uow() as tx:
            began = campaign.started_at or bench.now()
            assert await tx.campaigns.take_share(campaign.id, 1, began, 2, 2) == 0
    assert await bench.finished(campaign) == []
    assert await bench.accounts(campaign) == sums(sent=2, pending=2)
    assert len({key for key, _ in bench.vendor.calls}) == 1
