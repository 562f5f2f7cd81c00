"""Telling Temporal of campaigns: in any order, and whatever one of them does."""

import asyncio
from datetime import timedelta
from uuid import UUID

import pytest

from domain.campaigns.records import Campaign, CampaignStatus
from domain.errors import Unavailable
from runtime.campaign_starter import BackgroundCampaigns
from runtime.starter import BackgroundStarter, Call
from services.campaigns.relay import CampaignRelay
from services.campaigns.telling import CampaignTelling
from tests.integration.campaigns.conftest import ACTOR, Bench


class Gateway:
    """Keeps what it was told last of each; the first call of `slow` waits to be let go."""

    def __init__(self, broken: dict[UUID, Exception] | None = None) -> None:
        self.last: dict[UUID, CampaignStatus] = {}
        self.broken = broken or {}
        self.slow: UUID | None = None
        self.called, self.let_go = asyncio.Event(), asyncio.Event()

    async def tell(self, campaign: Campaign) -> None:
        if campaign.id in self.broken:
            raise self.broken[campaign.id]
        if campaign.id == self.slow:
            self.slow = None
            self.called.set()
            await self.let_go.wait()
        self.last[campaign.id] = campaign.status


async def untold(bench: Bench) -> set[UUID]:
    later = bench.now() + timedelta(hours=1)
    async with bench.uow() as tx:
        found = await tx.campaigns.claim_untold(older_than=later, again_before=later, limit=500)
    return {one.id for one in found}


async def test_a_teller_who_was_overtaken_leaves_nothing_old_behind(bench: Bench) -> None:
    draft = await bench.draft(await bench.users(1))
    gateway = Gateway()
    gateway.slow = draft.id
    telling = CampaignTelling(bench.uow, gateway)
    await bench.campaigns.send(draft.id, ACTOR)
    first = asyncio.create_task(telling.tell(draft.id))
    await gateway.called.wait()
    await bench.campaigns.pause(draft.id, ACTOR)
    await telling.tell(draft.id)
    gateway.let_go.set()
    await first
    assert gateway.last[draft.id] is CampaignStatus.PAUSED
    assert draft.id not in await untold(bench)


async def test_what_changed_before_it_was_told_is_told_as_it_is_now(bench: Bench) -> None:
    class Put(BackgroundStarter):
        def __init__(self) -> None:
            self.calls: list[Call] = []

        def put(self, call: Call) -> None:
            self.calls.append(call)

    starter, gateway = Put(), Gateway()
    draft = await bench.draft(await bench.users(1))
    sent = await bench.campaigns.send(draft.id, ACTOR)
    BackgroundCampaigns(starter, gateway, bench.uow).tell(sent)
    await bench.campaigns.pause(draft.id, ACTOR)
    await starter.calls[0]()
    assert gateway.last[draft.id] is CampaignStatus.PAUSED


async def test_one_that_cannot_be_told_keeps_no_other_waiting(bench: Bench) -> None:
    users = await bench.users(1)
    bad, good = await bench.draft(users), await bench.draft(users)
    for one in (bad, good):
        await bench.campaigns.send(one.id, ACTOR)
    gateway = Gateway({bad.id: ValueError("no such zone")})
    bench.ahead = timedelta(minutes=5)
    relay = CampaignRelay(bench.uow, gateway, bench.now)
    while await relay.run_once():
        pass
    assert gateway.last[good.id] is CampaignStatus.RUNNING
    left = await untold(bench)
    assert bad.id in left
    assert good.id not in left


async def test_while_temporal_is_away_nobody_is_told(bench: Bench) -> None:
    draft = await bench.draft(await bench.users(1))
    await bench.campaigns.send(draft.id, ACTOR)
    away = Unavailable("temporal_unavailable", "Away.")
    bench.ahead = timedelta(minutes=5)
    relay = CampaignRelay(bench.uow, Gateway({draft.id: away}), bench.now)
    with pytest.raises(Unavailable):
        while await relay.run_once():
            pass
    assert draft.id in await untold(bench)
