"""Pausing, amending and cancelling in the middle of a chunk."""

import asyncio

import pytest

from domain.campaigns.messages import ChunkState, FinishCampaignInput
from domain.campaigns.records import CampaignStatus
from domain.campaigns.shapes import AmendCampaign
from domain.errors import Conflict
from domain.ports.providers import Recovery
from domain.records.operations import PausedPart
from services.campaigns.service import CampaignView
from tests.integration.campaigns.conftest import (
    ACTOR,
    BatchVendor,
    Bench,
    Killed,
    Vendor,
    email,
    emails,
    sums,
)


async def test_a_pause_between_two_waves_stops_the_rest(bench: Bench) -> None:
    bench.vendor = Vendor(name="smtp", recovery=Recovery.NONE)
    users = await bench.users(40)
    campaign = await bench.running(users)
    pausing: list[asyncio.Task[object]] = []

    async def pause() -> None:
        pausing.append(asyncio.create_task(bench.campaigns.pause(campaign.id, ACTOR)))
        await asyncio.sleep(0.05)

    bench.vendor.steps = [bench.vendor.meanwhile(pause)]
    with pytest.raises(Conflict, match="changed"):
        await bench.deliver(campaign)
    await asyncio.gather(*pausing)
    gone = sum(bench.vendor.received.values())
    assert 1 <= gone <= 10
    assert await bench.accounts(campaign) == sums(sent=gone, pending=40 - gone)
    assert (await bench.deliver(campaign)).state is ChunkState.HELD
    await bench.campaigns.resume(campaign.id, ACTOR)
    await bench.finished(campaign)
    bench.vendor.assert_once(emails(users))


async def test_a_pause_while_a_chunk_is_planned_lets_nothing_out(bench: Bench) -> None:
    """The words were made; the intent is refused."""
    users = await bench.users(3)
    campaign = await bench.running(users)
    rest = bench.core.breakers.rest

    async def pause_first(providers: list[str]) -> object:
        await bench.campaigns.pause(campaign.id, ACTOR)
        return await rest(providers)

    bench.core.breakers.rest = pause_first  # type: ignore[method-assign,assignment]
    with pytest.raises(Conflict):
        await bench.deliver(campaign)
    assert bench.vendor.calls == []
    assert await bench.accounts(campaign) == sums(pending=3)


async def test_a_cancel_waits_for_what_is_with_the_vendor_and_nothing_leaves_after(
    bench: Bench,
) -> None:
    bench.vendor = Vendor(name="smtp", recovery=Recovery.NONE)
    users = await bench.users(40)
    campaign = await bench.running(users)
    cancelling: list[asyncio.Task[CampaignView]] = []

    async def cancel() -> None:
        cancelling.append(asyncio.create_task(bench.campaigns.cancel(campaign.id, ACTOR)))
        await asyncio.sleep(0.1)

    bench.vendor.steps = [bench.vendor.meanwhile(cancel)]
    with pytest.raises(Conflict):
        await bench.deliver(campaign)
    [view] = await asyncio.gather(*cancelling)
    gone = sum(bench.vendor.received.values())
    assert 1 <= gone <= 10
    assert view.campaign.status is CampaignStatus.CANCELLED
    assert view.counts.sent == gone
    assert view.counts.skipped == {"cancelled": 40 - gone}
    assert view.counts.pending == 0
    assert (await bench.deliver(campaign)).state is ChunkState.STOPPED
    assert sum(bench.vendor.received.values()) == gone
    again = await bench.campaigns.cancel(campaign.id, ACTOR)
    assert again.counts == view.counts


async def test_what_a_killed_attempt_was_calling_when_it_is_cancelled_is_unknown(
    bench: Bench,
) -> None:
    users = await bench.users(3)
    campaign = await bench.running(users)
    bench.vendor.steps = [bench.vendor.killed_after()]
    with pytest.raises(Killed):
        await bench.deliver(campaign)
    view = await bench.campaigns.cancel(campaign.id, ACTOR)
    assert view.counts.failures == {"outcome_unknown": 3}
    assert (await bench.deliver(campaign)).state is ChunkState.STOPPED


async def test_an_answer_after_the_cancel_gave_up_changes_no_account(bench: Bench) -> None:
    users = await bench.users(2)
    campaign = await bench.running(users)

    async def cancel() -> None:
        await bench.campaigns.cancel(campaign.id, ACTOR)

    bench.vendor.steps = [bench.vendor.meanwhile(cancel)]
    with pytest.raises(Conflict, match="Another attempt"):
        await bench.deliver(campaign)
    assert await bench.accounts(campaign) == sums(failed={"outcome_unknown": 2})


async def test_who_cancelled_and_died_is_followed_by_the_workflow(bench: Bench) -> None:
    """The status is written, the accounts are not closed: the last step closes them."""
    users = await bench.users(2)
    campaign = await bench.running(users)
    from dataclasses import replace

    async with bench.uow() as tx:
        await tx.campaigns.save(replace(campaign, status=CampaignStatus.CANCELLED))
    state = await bench.run.finish(FinishCampaignInput(campaign_id=campaign.id, now=bench.now()))
    assert state.status is CampaignStatus.CANCELLED
    assert await bench.accounts(campaign) == sums(skipped={"cancelled": 2})


async def test_amended_while_paused_later_recipients_get_the_new_words(bench: Bench) -> None:
    users = await bench.users(4)
    campaign = await bench.running(users, rate={"perMinute": 2})
    await bench.deliver(campaign)
    assert sum(bench.vendor.received.values()) == 2
    await bench.amended_while_paused(campaign, title="Newer", content="Newer words.")
    assert await bench.finished(campaign) == []
    said = {user: bench.vendor.words[email(user)].message.html or "" for user in users}
    assert [("Newer words." in said[user]) for user in users] == [False, False, True, True]
    bench.vendor.assert_once(emails(users))


async def test_an_attempt_that_planned_the_old_words_does_not_send_them(bench: Bench) -> None:
    users = await bench.users(2)
    campaign = await bench.running(users)
    rest = bench.core.breakers.rest

    async def amend_first(providers: list[str]) -> object:
        bench.core.breakers.rest = rest  # type: ignore[method-assign]
        await bench.amended_while_paused(campaign, title="Newer", content="Newer words.")
        return await rest(providers)

    bench.core.breakers.rest = amend_first  # type: ignore[method-assign,assignment]
    assert await bench.finished(campaign) == ["campaign_changed"]
    assert all("Newer words." in (m.message.html or "") for m in bench.vendor.words.values())


async def test_a_running_campaign_keeps_its_words(bench: Bench) -> None:
    campaign = await bench.running(await bench.users(1))
    with pytest.raises(Conflict) as refused:
        await bench.campaigns.amend(campaign.id, AmendCampaign(name="Other"), ACTOR)
    assert refused.value.code == "campaign_under_way"
    await bench.campaigns.pause(campaign.id, ACTOR)
    with pytest.raises(Conflict):
        change = AmendCampaign.model_validate({"audience": {"everyone": True}})
        await bench.campaigns.amend(campaign.id, change, ACTOR)


@pytest.mark.parametrize("part", ["channel:email", "provider:first"])
async def test_an_operators_pause_holds_the_campaign(bench: Bench, part: str) -> None:
    users = await bench.users(2)
    campaign = await bench.running(users)
    async with bench.uow() as tx:
        await tx.operations.pause(PausedPart(part, bench.now()))
    assert (await bench.deliver(campaign)).state is ChunkState.HELD
    async with bench.uow() as tx:
        await tx.operations.resume(part)
    assert await bench.finished(campaign) == []
    bench.vendor.assert_once(emails(users))


async def test_a_provider_paused_with_a_diversion_sends_by_the_next(bench: Bench) -> None:
    users = await bench.users(2)
    campaign = await bench.running(users)
    bench.second = BatchVendor(name="second")
    async with bench.uow() as tx:
        await tx.operations.pause(PausedPart("provider:first", bench.now(), divert=True))
    try:
        assert await bench.finished(campaign) == []
    finally:
        async with bench.uow() as tx:
            await tx.operations.resume("provider:first")
    bench.second.assert_once(emails(users))


TEST = {
    "variants": [{"name": "A", "subject": "One"}, {"name": "B", "subject": "Two"}],
    "fraction": 0.5, "decideAfter": "PT4H",
}  # fmt: skip


@pytest.mark.parametrize(
    ("test", "status"), [(TEST, CampaignStatus.TESTING), (None, CampaignStatus.RUNNING)]
)
async def test_paused_before_it_was_frozen_goes_on_as_it_would_have(
    bench: Bench, test: dict[str, object] | None, status: CampaignStatus
) -> None:
    """Running when it was paused; with a test, testing when it is resumed."""
    users = await bench.users(10)
    draft = await bench.draft(users, test=test)
    await bench.campaigns.send(draft.id, ACTOR)
    await bench.campaigns.pause(draft.id, ACTOR)
    from domain.campaigns.messages import FreezeInput

    await bench.run.freeze(FreezeInput(campaign_id=draft.id, now=bench.now()))
    assert (await bench.campaigns.get(draft.id)).status is CampaignStatus.PAUSED
    resumed = await bench.campaigns.resume(draft.id, ACTOR)
    assert (resumed.status, resumed.resumes_as) == (status, None)


async def test_finishing_waits_for_what_is_pending(bench: Bench) -> None:
    users = await bench.users(2)
    campaign = await bench.running(users)
    command = FinishCampaignInput(campaign_id=campaign.id, now=bench.now())
    assert (await bench.run.finish(command)).status is CampaignStatus.RUNNING
    await bench.finished(campaign)
    assert (await bench.run.finish(command)).status is CampaignStatus.COMPLETED
    with pytest.raises(Conflict) as over:
        await bench.campaigns.cancel(campaign.id, ACTOR)
    assert over.value.code == "campaign_over"
    assert [c.status for c in bench.told.campaigns] == [CampaignStatus.RUNNING]
