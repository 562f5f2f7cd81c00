"""Freezing and deciding: each once, whatever is repeated."""

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest

from domain.callbacks import EngagementKind
from domain.campaigns.messages import CampaignState, FinishCampaignInput, FreezeInput, Frozen
from domain.campaigns.records import Campaign, CampaignStatus
from domain.errors import Conflict, Invalid
from tests.integration.campaigns.conftest import ACTOR, Bench

VARIANTS = [{"name": "A", "subject": "One"}, {"name": "B", "subject": "Two"}]


async def freeze(bench: Bench, campaign: Campaign) -> Frozen:
    return await bench.run.freeze(FreezeInput(campaign_id=campaign.id, now=bench.now()))


async def decide(bench: Bench, campaign: Campaign) -> CampaignState:
    command = FinishCampaignInput(campaign_id=campaign.id, now=bench.now())
    return await bench.run.decide(command)


async def launched(bench: Bench, users: Sequence[str], **fields: Any) -> Campaign:
    return await bench.campaigns.send((await bench.draft(users, **fields)).id, ACTOR)


async def test_frozen_once_however_often_it_is_asked(bench: Bench) -> None:
    users = await bench.users(7)
    campaign = await launched(bench, users)
    answers = await asyncio.gather(*(freeze(bench, campaign) for _ in range(3)))
    assert {answer.recipients for answer in answers} == {7}
    assert answers[0] == answers[1] == answers[2]
    assert [r.user_id for r in await bench.recipients(campaign)] == users
    started = (await bench.campaigns.get(campaign.id)).started_at
    await freeze(bench, campaign)
    assert (await bench.campaigns.get(campaign.id)).started_at == started


async def test_who_comes_later_is_not_in_it(bench: Bench) -> None:
    users = await bench.users(2)
    campaign = await launched(bench, [*users, "comes-later"])
    await freeze(bench, campaign)
    async with bench.uow() as tx:
        from domain.records.people import User

        await tx.users.put(User("comes-later", bench.now(), bench.now(), email="l@example.com"))
    assert (await freeze(bench, campaign)).recipients == 2


async def test_an_audience_of_nobody_completes(bench: Bench) -> None:
    campaign = await launched(bench, ["nobody-knows-them"])
    assert await freeze(bench, campaign) == Frozen(recipients=0)
    command = FinishCampaignInput(campaign_id=campaign.id, now=bench.now())
    assert (await bench.run.finish(command)).status is CampaignStatus.COMPLETED


async def test_a_cancelled_one_is_not_frozen(bench: Bench) -> None:
    campaign = await launched(bench, await bench.users(2))
    view = await bench.campaigns.cancel(campaign.id, ACTOR)
    assert view.counts.recipients == 0
    assert await freeze(bench, campaign) == Frozen(recipients=0)
    assert await bench.recipients(campaign) == []


async def test_an_early_choice_stands_and_a_late_one_is_refused(bench: Bench) -> None:
    test = {"variants": VARIANTS, "decideAfter": "PT4H", "fraction": 0.5}
    campaign = await bench.running(await bench.users(20), test=test)
    assert campaign.status is CampaignStatus.TESTING
    with pytest.raises(Invalid):
        await bench.campaigns.choose_winner(campaign.id, "C", ACTOR)
    await bench.campaigns.choose_winner(campaign.id, "B", ACTOR)
    for _ in range(2):
        state = await decide(bench, campaign)
        assert (state.status, state.decided) == (CampaignStatus.RUNNING, True)
    kept = await bench.campaigns.get(campaign.id)
    assert (kept.winner, kept.reason) == (1, "winner_by_hand")
    with pytest.raises(Conflict):
        await bench.campaigns.choose_winner(campaign.id, "A", ACTOR)


async def test_paused_during_its_test_it_is_decided_and_goes_on_as_running(bench: Bench) -> None:
    test = {"variants": VARIANTS, "decideAfter": "PT4H", "fraction": 0.5, "metric": "open"}
    campaign = await bench.running(await bench.users(40), test=test)
    await bench.deliver(campaign, high=19)
    for one in await bench.recipients(campaign):
        if one.variant == "A":
            await bench.engagement.record(
                campaign.id, one.ordinal, EngagementKind.OPENED, bench.now()
            )
    await bench.campaigns.pause(campaign.id, ACTOR)
    state = await decide(bench, campaign)
    assert (state.status, state.decided) == (CampaignStatus.PAUSED, True)
    assert (await bench.campaigns.get(campaign.id)).winner == 0
    resumed = await bench.campaigns.resume(campaign.id, ACTOR)
    assert resumed.status is CampaignStatus.RUNNING


async def test_a_test_without_any_outcome_still_chooses(bench: Bench) -> None:
    test = {"variants": VARIANTS, "fraction": 0.5, "decideAfter": "PT1H"}
    campaign = await bench.running(await bench.users(10), test=test)
    state = await decide(bench, campaign)
    assert state.decided
    assert state.decide_after_seconds == timedelta(hours=1).total_seconds()
    kept = await bench.campaigns.get(campaign.id)
    assert kept.winner is not None
    assert (kept.reason or "").startswith("winner_")


async def test_a_click_on_what_nobody_knows_to_have_left_does_not_stop_the_decision(
    bench: Bench,
) -> None:
    """Its outcome is unknown, and it arrived."""
    campaign = await bench.running(
        await bench.users(4), test={"variants": VARIANTS, "decideAfter": "PT4H"}
    )
    for one in await bench.recipients(campaign):
        await bench.engagement.record(campaign.id, one.ordinal, EngagementKind.CLICKED, bench.now())
    assert (await decide(bench, campaign)).decided
    counts = (await bench.campaigns.accounts(campaign.id)).counts
    assert counts.clicked == 4
    assert all(variant.clicked == 0 for variant in counts.variants)
