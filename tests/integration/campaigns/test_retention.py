"""Campaigns over long ago: the accounts answer the same for ever, the recipients are gone."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import pytest

from api.schemas.campaigns import MetricsOut
from domain.callbacks import Engagement, EngagementKind, Receipt
from domain.campaigns.messages import FinishCampaignInput
from domain.campaigns.records import Campaign, CampaignStatus
from domain.enums import DeliveryStatus
from domain.errors import NotFound
from domain.paging import PageRequest
from domain.ports.providers import Rejected
from services.campaigns.retention import CampaignRetention
from storage.uow import SqlUnitOfWork
from tests.integration.campaigns.conftest import ACTOR, Bench, Killed, email
from tests.integration.campaigns.test_explain import explained
from tests.integration.campaigns.test_heard_later import by_links, engagement, hears

KEPT = timedelta(days=400)
TABLES = ("campaign_recipients", "campaign_batches", "campaign_days", "campaign_messages")


def retention(bench: Bench, **bounds: Any) -> CampaignRetention:
    return CampaignRetention(bounds.pop("uow", bench.uow), KEPT, bench.now, **bounds)


async def ended(bench: Bench, campaign: Campaign, ago: timedelta = KEPT + timedelta(1)) -> Campaign:
    """Completed, `ago`."""
    state = await bench.run.finish(FinishCampaignInput(campaign_id=campaign.id, now=bench.now()))
    assert state.status.is_over
    async with bench.uow() as tx:
        await tx.campaigns._db.execute(
            "update campaigns set completed_at = completed_at - $2::interval where id = $1",
            campaign.id,
            ago,
        )
    return await bench.campaigns.get(campaign.id)


async def metrics(bench: Bench, campaign: Campaign) -> MetricsOut:
    view = await bench.campaigns.accounts(campaign.id)
    return MetricsOut.of(view.campaign, view.counts, view.campaign.updated_at)


async def rows(bench: Bench, campaign: Campaign) -> dict[str, int]:
    found = {}
    async with bench.uow() as tx:
        for table in TABLES:
            found[table] = await tx.campaigns._db.fetchval(
                f"select count(*) from {table} where campaign_id = $1", campaign.id
            )
    return found


async def listed(bench: Bench, campaign: Campaign) -> int | None:
    found = await bench.campaigns.recipients(campaign.id, PageRequest(100), None, None)
    return None if found is None else len(found.items)


async def heard_of(bench: Bench) -> tuple[list[str], Campaign, str]:
    """One of everything: sent, refused, skipped, opened, clicked, bounced; and a message id."""
    users = await bench.users(8)
    [nowhere] = await bench.users(1, email=None)
    design = {"variants": [{"name": "A"}, {"name": "B"}], "decideAfter": "PT1H"}
    campaign = await bench.running(
        [*users, nowhere], test=design, rate={"warmUp": [{"day": 1, "max": 100}]}
    )
    await bench.finished(campaign)
    lines = [line for line in await bench.recipients(campaign) if line.provider_message_id]
    first, second, third = [line.provider_message_id or "" for line in lines[:3]]
    await hears(bench, Engagement(first, EngagementKind.CLICKED, bench.now()))
    await hears(bench, Engagement(second, EngagementKind.OPENED, bench.now()))
    await hears(bench, Receipt(second, DeliveryStatus.DELIVERED, bench.now()))
    await hears(bench, Receipt(third, DeliveryStatus.BOUNCED, bench.now()))
    return users, campaign, first


async def test_the_accounts_stay_to_the_last_number(bench: Bench) -> None:
    users, campaign, message = await heard_of(bench)
    campaign = await ended(bench, campaign)
    before = await metrics(bench, campaign)
    assert (before.sent, before.skipped, before.bounced, before.opened, before.clicked) == (
        8, {"no_address": 1}, 1, 2, 1,
    )  # fmt: skip
    assert await rows(bench, campaign) == {
        "campaign_recipients": 9, "campaign_batches": 1, "campaign_days": 1,
        "campaign_messages": 8,
    }  # fmt: skip
    assert await retention(bench).forget() == 9
    assert await metrics(bench, campaign) == before
    assert await listed(bench, campaign) is None
    assert set((await rows(bench, campaign)).values()) == {0}
    with pytest.raises(NotFound) as refused:
        await explained(bench, campaign, users[0])
    assert refused.value.code == "recipients_not_kept"
    assert await retention(bench).forget() == 0, "once"
    # What comes after all is nobody's, and changes nothing.
    assert not await hears(bench, Receipt(message, DeliveryStatus.COMPLAINED, bench.now()))
    assert await metrics(bench, campaign) == before


async def test_links_of_old_messages_still_work(bench: Bench) -> None:
    [user] = await bench.users(1)
    campaign = await bench.running([user])
    await bench.finished(campaign)
    campaign = await ended(bench, campaign)
    await retention(bench).forget()
    await bench.engagement.record(campaign.id, 0, EngagementKind.OPENED, bench.now())
    assert await engagement(bench, user) == []
    link = bench.vendor.words[email(user)].headers["List-Unsubscribe"].strip("<>")
    done = await by_links(bench).unsubscribe_by_link(link.rpartition("/")[2])
    assert done.changed
    assert (await metrics(bench, campaign)).unsubscribed == 0


async def test_what_is_not_over_or_not_for_long_stays(bench: Bench) -> None:
    users = await bench.users(2)
    running = await bench.running(users)
    await bench.finished(running)
    async with bench.uow() as tx:
        await tx.campaigns._db.execute(
            "update campaigns set updated_at = updated_at - interval '3 years' where id = $1",
            running.id,
        )
    recent = await bench.running(users)
    await bench.finished(recent)
    recent = await ended(bench, recent, KEPT - timedelta(days=1))
    assert await retention(bench).forget() == 0
    assert [await listed(bench, one) for one in (running, recent)] == [2, 2]


async def test_a_cancelled_one_goes_too_and_one_that_never_began_has_nothing(bench: Bench) -> None:
    users = await bench.users(3)
    cancelled = await bench.running(users, channels=["email", "websocket"])
    await bench.campaigns.cancel(cancelled.id, ACTOR)
    draft = await bench.draft(users)
    await bench.campaigns.send(draft.id, ACTOR)
    await bench.campaigns.cancel(draft.id, ACTOR)
    for one in (cancelled, draft):
        await ended(bench, one)
    before = await metrics(bench, cancelled)
    assert (before.status, before.skipped) == (CampaignStatus.CANCELLED, {"cancelled": 6})
    assert await retention(bench).forget() == 6
    assert await metrics(bench, cancelled) == before
    assert (await listed(bench, cancelled), await listed(bench, draft)) == (None, 0)


async def test_who_dies_on_the_way_leaves_the_rest_to_the_next(bench: Bench) -> None:
    _, campaign, _ = await heard_of(bench)
    campaign = await ended(bench, campaign)
    before, begun = await metrics(bench, campaign), 0

    @asynccontextmanager
    async def dying() -> AsyncIterator[Any]:
        nonlocal begun
        begun += 1
        if begun == 4:
            raise Killed
        async with bench.uow() as tx:
            yield tx

    with pytest.raises(Killed):
        await retention(bench, uow=dying, at_once=2).forget()
    assert (await rows(bench, campaign))["campaign_recipients"] == 5
    assert await metrics(bench, campaign) == before
    assert await listed(bench, campaign) is None, "half of a list is no list"
    found = await asyncio.gather(*(retention(bench, at_once=2).forget() for _ in range(2)))
    assert sum(found) == 5
    assert await metrics(bench, campaign) == before
    assert set((await rows(bench, campaign)).values()) == {0}


async def test_a_run_deletes_no_more_than_it_may(bench: Bench) -> None:
    for _ in range(2):
        campaign = await bench.running(await bench.users(5))
        await bench.finished(campaign)
        await ended(bench, campaign)
    done = [await retention(bench, at_once=2, a_run=4).forget() for _ in range(4)]
    assert done == [4, 5, 1, 0], "but for a range it has begun"


async def test_the_accounts_are_the_same_at_every_moment(bench: Bench, uow: SqlUnitOfWork) -> None:
    users = await bench.users(40)
    campaign = await bench.running(users)
    bench.vendor.steps = [Rejected("invalid_address", "No.")]
    await bench.finished(campaign)
    campaign = await ended(bench, campaign)
    before = await metrics(bench, campaign)
    over, polls = asyncio.Event(), 0

    async def watch() -> None:
        nonlocal polls
        while not over.is_set():
            assert await metrics(bench, campaign) == before
            assert await listed(bench, campaign) in {40, None}
            polls += 1

    watching = [asyncio.create_task(watch()) for _ in range(3)]
    assert await CampaignRetention(uow, KEPT, bench.now, at_once=1).forget() == 40
    over.set()
    await asyncio.gather(*watching)
    assert polls > 3
    assert await listed(bench, campaign) is None
