"""Temporal hears of every change, now or later, however it fails."""

from datetime import UTC, datetime, timedelta

import pytest

from domain.campaigns.records import Campaign, CampaignStatus
from domain.errors import Unavailable
from runtime.campaign_starter import BackgroundCampaigns
from runtime.starter import BackgroundStarter
from services.campaigns.relay import GRACE, CampaignRelay
from tests.integration.campaigns.conftest import ACTOR, Bench


class Gateway:
    """Temporal, away when it is told to be."""

    def __init__(self) -> None:
        self.away = False
        self.told: list[Campaign] = []

    async def tell(self, campaign: Campaign) -> None:
        if self.away:
            raise Unavailable("temporal_unavailable", "Temporal does not answer.")
        self.told.append(campaign)

    def of(self, campaign: Campaign) -> list[CampaignStatus]:
        return [one.status for one in self.told if one.id == campaign.id]


def later() -> datetime:
    return datetime.now(UTC) + GRACE + timedelta(seconds=1)


async def test_what_could_not_be_told_is_told_by_the_relay(bench: Bench) -> None:
    gateway = Gateway()
    relay = CampaignRelay(bench.uow, gateway, later)
    await relay.run_once()
    gateway.told.clear()
    draft = await bench.draft(await bench.users(1))
    assert await relay.run_once() == 0, "a draft is nobody's business"
    await bench.campaigns.send(draft.id, ACTOR)
    gateway.away = True
    with pytest.raises(Unavailable):
        await relay.run_once()
    gateway.away = False
    assert await relay.run_once() == 0, "claimed a moment ago"
    minutes = CampaignRelay(bench.uow, gateway, lambda: later() + timedelta(minutes=2))
    assert await minutes.run_once() == 1
    assert await minutes.run_once() == 0
    assert gateway.of(draft) == [CampaignStatus.RUNNING]
    await bench.campaigns.pause(draft.id, ACTOR)
    assert await relay.run_once() == 1, "each change anew, and at once"
    assert gateway.of(draft) == [CampaignStatus.RUNNING, CampaignStatus.PAUSED]


async def test_what_was_told_in_the_background_is_left_alone_by_the_relay(bench: Bench) -> None:
    gateway = Gateway()
    relay = CampaignRelay(bench.uow, gateway, later)
    await relay.run_once()
    draft = await bench.draft(await bench.users(1))
    sent = await bench.campaigns.send(draft.id, ACTOR)

    async def on_told(_: object) -> None:
        return None

    async with BackgroundStarter(gateway, on_told) as starter:  # type: ignore[arg-type]
        BackgroundCampaigns(starter, gateway, bench.uow).tell(sent)
    assert gateway.of(draft) == [CampaignStatus.RUNNING]
    assert await relay.run_once() == 0
