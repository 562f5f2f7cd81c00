"""What a limit, a full mailbox or an operator holds is not lost; a campaign that everybody would be
refused for stops by itself."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from uuid import UUID

import pytest

from domain.campaigns.messages import ChunkState
from domain.campaigns.records import Campaign, CampaignStatus, RecipientStatus
from domain.campaigns.shapes import AmendCampaign
from domain.commands import NewNotification
from domain.content import Content
from domain.delivering import RetryLater
from domain.enums import Channel, ConsentType
from domain.errors import Invalid
from domain.ports.campaigns import LineResult
from domain.ports.providers import Accepted, Recovery, Rejected, Retry, SendOutcome
from domain.records.notifications import Notification
from domain.records.operations import PausedPart
from services.campaigns.route import CampaignRoute, ChunkWay
from services.catalogue.reading import Catalogue
from tests.integration.campaigns.conftest import (
    ACTOR,
    Batch,
    BatchVendor,
    Bench,
    Vendor,
    email,
    emails,
    sums,
)

REFUSED = Rejected("validation_error", "422")
LIMITED = Retry("rate_limited", "429", after=timedelta(seconds=1))
HOURS = timedelta(hours=5)


async def test_a_rate_limit_loses_nobody_however_often_it_is_met(bench: Bench) -> None:
    users = await bench.users(3)
    campaign = await bench.running(users)
    bench.vendor.steps = [LIMITED] * 12
    assert await bench.finished(campaign) == ["rate_limited"] * 12
    bench.vendor.assert_once(emails(users))


async def test_a_quota_is_waited_for_in_full(bench: Bench) -> None:
    users = await bench.users(3)
    campaign = await bench.running(users)
    bench.vendor.steps = [Retry("quota_exceeded", "429", after=HOURS, fail_over=True)] * 6
    for _ in range(6):
        result = await bench.deliver(campaign)
        assert result.due_at is not None
        assert timedelta(0) <= bench.now() + HOURS - result.due_at < timedelta(minutes=1)
        bench.ahead += HOURS
    assert await bench.finished(campaign) == []
    bench.vendor.assert_once(emails(users))


async def test_a_quota_goes_over_to_the_next_provider(bench: Bench) -> None:
    users = await bench.users(3)
    campaign = await bench.running(users)
    bench.second = BatchVendor(name="second")
    bench.vendor.steps = [Retry("quota_exceeded", "429", after=HOURS, fail_over=True)] * 3
    assert await bench.finished(campaign) == ["quota_exceeded"] * 3
    bench.second.assert_once(emails(users))


async def test_a_busy_mailbox_is_tried_again_alone_and_not_for_ever(bench: Bench) -> None:
    users = await bench.users(3)
    campaign = await bench.running(users)
    full = email(users[1])

    async def one_is_full(messages: Batch) -> list[SendOutcome]:
        busy = Retry("mailbox_busy", "452")
        return [busy if m.target == full else Accepted(m.target) for m in messages]

    bench.vendor.steps = [one_is_full] * 5
    waits = []
    for _ in range(5):
        result = await bench.deliver(campaign)
        if result.due_at is not None:
            waits.append(result.due_at - bench.now())
            bench.ahead += waits[-1] + timedelta(seconds=1)
    assert len(waits) == 4
    assert min(waits) > timedelta(minutes=3)
    assert max(waits) > timedelta(minutes=30)
    assert await bench.accounts(campaign) == sums(sent=2, failed={"mailbox_busy": 1})


async def refused(bench: Bench, campaign: Campaign, ordinals: Sequence[int], times: int) -> None:
    results = [LineResult(o, RecipientStatus.PENDING, "busy", failed_once=True) for o in ordinals]
    async with bench.uow() as tx:
        for _ in range(times):
            await tx.campaigns.settle(campaign.id, results, at=bench.now())


@asynccontextmanager
async def operator_pauses(bench: Bench, name: str) -> AsyncIterator[None]:
    async with bench.uow() as tx:
        await tx.operations.pause(PausedPart(name, bench.now()))
    try:
        yield
    finally:
        async with bench.uow() as tx:
            await tx.operations.resume(name)


async def test_one_line_that_was_refused_does_not_move_the_others(bench: Bench) -> None:
    users = await bench.users(5)
    campaign = await bench.running(users)
    bench.second = BatchVendor(name="second")
    await refused(bench, campaign, [4], 3)
    assert await bench.finished(campaign) == []
    providers = {r.user_id: r.provider for r in await bench.recipients(campaign)}
    assert providers == dict.fromkeys(users[:4], "first") | {users[4]: "second"}


class Three:
    def __init__(self) -> None:
        self.providers = tuple(BatchVendor(name=name) for name in ("first", "second", "third"))

    def ordered(self, channel: Channel) -> tuple[Vendor, ...]:
        return self.providers


async def test_the_next_provider_is_not_given_up_for_one_that_is_diverted(bench: Bench) -> None:
    campaign = await bench.running(await bench.users(2))
    await refused(bench, campaign, [0, 1], 3)
    async with bench.uow() as tx:
        lines = await tx.campaigns.load_lines(campaign.id, 0, 499, bench.now())
    route = CampaignRoute(Three(), bench.core.breakers, bench.core.breakers)
    for paused in ({}, {"provider:first": True}):
        way = await route.direct(lines, paused)
        assert isinstance(way, ChunkWay)
        assert way.provider.name == "second"


@pytest.mark.parametrize("waits", [False, True])
async def test_emails_that_are_held_or_wait_do_not_hold_the_inbox(
    bench: Bench, waits: bool
) -> None:
    users = await bench.users(2)
    campaign = await bench.running(users, channels=["email", "websocket"])
    if waits:
        bench.core.breakers.resting = {"first": timedelta(seconds=30)}
        result = await bench.deliver(campaign)
        with pytest.raises(RetryLater, match="circuit_open"):
            await bench.deliver(campaign)
        bench.core.breakers.resting = {}
    else:
        async with operator_pauses(bench, "channel:email"):
            result = await bench.deliver(campaign)
            assert (await bench.deliver(campaign)).state is ChunkState.HELD
    assert result.state is ChunkState.DONE
    assert len(bench.core.starter.started) == 2
    assert bench.vendor.calls == []
    assert await bench.finished(campaign) == []
    bench.vendor.assert_once(emails(users))
    assert len(bench.core.starter.started) == 2


async def test_a_campaign_that_everybody_is_refused_for_pauses_itself(bench: Bench) -> None:
    users = await bench.users(300)
    campaign = await bench.running(users)
    bench.vendor.steps = [REFUSED]
    assert (await bench.deliver(campaign, high=99)).due_at is None
    assert (await bench.deliver(campaign, low=100, high=199)).state is ChunkState.HELD
    assert await bench.accounts(campaign) == sums(pending=200, failed={"validation_error": 100})
    paused = await bench.campaigns.get(campaign.id)
    assert (paused.status, paused.reason) == (
        CampaignStatus.PAUSED, "paused_by_refusals:validation_error",
    )  # fmt: skip

    resumed = await bench.campaigns.resume(campaign.id, ACTOR)
    assert (resumed.status, resumed.reason) == (CampaignStatus.RUNNING, None)
    assert await bench.finished(campaign) == []
    bench.vendor.assert_once(emails(users[100:]))


async def test_fewer_than_a_hundred_in_a_row_are_refused_alone(bench: Bench) -> None:
    users = await bench.users(199)
    campaign = await bench.running(users)
    bench.vendor.batch_size = 99  # type: ignore[attr-defined]
    bench.vendor.steps = [REFUSED]
    await bench.deliver(campaign, high=98)
    assert await bench.finished(campaign) == []
    assert await bench.accounts(campaign) == sums(sent=100, failed={"validation_error": 99})


async def test_refusals_one_by_one_add_up_until_one_is_taken(bench: Bench) -> None:
    """A vendor without batches: calls of one message each, ten at a time."""
    bench.vendor = Vendor(name="smtp", recovery=Recovery.NONE)
    users = await bench.users(200)
    campaign = await bench.running(users)
    bench.vendor.steps = [*[REFUSED] * 50, Accepted("taken"), *[REFUSED] * 149]
    await bench.deliver(campaign)
    accounts = await bench.accounts(campaign)
    assert accounts["sent"] == 1
    assert accounts["failed"]["validation_error"] in range(149, 170)
    assert (await bench.campaigns.get(campaign.id)).status is CampaignStatus.PAUSED


async def test_words_that_fit_nobody_pause_the_campaign_before_anybody_fails(
    bench: Bench,
) -> None:
    users = await bench.users(120)
    campaign = await bench.running(users, subject="News from {{ user.attributes.city }}")
    assert (await bench.deliver(campaign)).state is ChunkState.HELD
    paused = await bench.campaigns.get(campaign.id)
    assert paused.status is CampaignStatus.PAUSED
    assert (paused.reason or "").startswith("paused_by_error:missing:")
    assert await bench.accounts(campaign) == sums(pending=120)
    change = AmendCampaign.model_validate({"subject": "News"})
    await bench.campaigns.amend(campaign.id, change, ACTOR)
    await bench.campaigns.resume(campaign.id, ACTOR)
    assert await bench.finished(campaign) == []
    bench.vendor.assert_once(emails(users))


async def test_a_template_that_is_gone_pauses_the_campaign(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    users = await bench.users(3)
    campaign = await bench.running(
        users, type="newsletter", title=None, content=None, template={"key": "newsletter"},
        data={"intro": "x", "articles": [], "url": "https://x.example/"},
    )  # fmt: skip
    for user in users:
        await bench.consent(user, ConsentType.MARKETING, granted=True)

    async def gone(*_: object) -> None:
        return None

    with monkeypatch.context() as context:
        context.setattr(Catalogue, "pinned", gone)
        assert (await bench.deliver(campaign)).state is ChunkState.HELD
    paused = await bench.campaigns.get(campaign.id)
    assert (paused.status, paused.reason) == (
        CampaignStatus.PAUSED, "paused_by_error:template_missing",
    )  # fmt: skip
    assert await bench.accounts(campaign) == sums(pending=3)
    await bench.campaigns.resume(campaign.id, ACTOR)
    assert await bench.finished(campaign) == []
    bench.vendor.assert_once(emails(users))


async def test_one_line_that_cannot_be_accepted_fails_alone(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    users = await bench.users(3)
    campaign = await bench.running(users, channels=["email", "websocket"])
    prepare = bench.core.accepting.prepare

    async def picky(new: NewNotification, notification_id: UUID) -> tuple[Notification, Content]:
        if new.user_id == users[1]:
            raise Invalid("content_too_long", "Too long.")
        return await prepare(new, notification_id)

    monkeypatch.setattr(bench.core.accepting, "prepare", picky)
    assert await bench.finished(campaign) == []
    bench.vendor.assert_once(emails(users))
    assert len(bench.core.starter.started) == 2
    assert await bench.accounts(campaign) == sums(sent=3, pending=2, failed={"content_too_long": 1})
