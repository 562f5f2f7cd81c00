"""Other channels: each message a notification of its own, which the accounts follow."""

from uuid import UUID

import pytest

from domain.campaigns.ids import recipient_id
from domain.campaigns.messages import ChunkState, FinishCampaignInput
from domain.campaigns.records import Campaign, CampaignStatus, Recipient, RecipientStatus
from domain.enums import (
    Channel,
    ConsentType,
    NotificationStatus,
    PlanTrigger,
    Platform,
    PushVendor,
)
from domain.ids import new_id
from domain.messages import DeliverOutcome
from domain.records.people import Device
from tests.integration.campaigns.conftest import ACTOR, Bench, email, sums

EMAIL, INBOX, SMS, PUSH = Channel.EMAIL, Channel.WEBSOCKET, Channel.SMS, Channel.PUSH


async def lines(bench: Bench, campaign: Campaign, user: str) -> dict[Channel, Recipient]:
    return {r.channel: r for r in await bench.recipients(campaign) if r.user_id == user}


def notification_of(campaign: Campaign, line: Recipient) -> UUID:
    return recipient_id(campaign.id, line.ordinal)


async def handed_on(bench: Bench, campaign: Campaign) -> None:
    """As the notifications' workflows would: planned and delivered."""
    for one in bench.core.starter.started:
        plan = await bench.core.plan(one)
        for channel in plan.ready:
            bench.core.provider.channel = channel
            await bench.core.deliver(one, channel)


async def test_one_message_for_each_channel_the_user_can_be_reached_on(bench: Bench) -> None:
    [full] = await bench.users(1, phone="+4915112345678", country="DE")
    await bench.consent(full, ConsentType.SMS, granted=True)
    [bare] = await bench.users(1)
    async with bench.uow() as tx:
        await tx.devices.register(
            Device(
                new_id(), full, f"token-{full}", Platform.ANDROID, PushVendor.FIREBASE,
                bench.now(), bench.now(),
            )
        )  # fmt: skip
    channels = ["email", "websocket", "sms", "push"]
    campaign = await bench.running([full, bare], channels=channels)
    assert await bench.finished(campaign) == []
    of_full, of_bare = await lines(bench, campaign, full), await lines(bench, campaign, bare)
    assert {c: r.status for c, r in of_full.items()} == {
        EMAIL: RecipientStatus.SENT, INBOX: RecipientStatus.PENDING,
        SMS: RecipientStatus.PENDING, PUSH: RecipientStatus.PENDING,
    }  # fmt: skip
    assert of_bare[SMS].status is of_bare[PUSH].status is RecipientStatus.SKIPPED
    assert of_bare[PUSH].reason == "no_device"
    assert sorted(bench.core.starter.started) == sorted(
        notification_of(campaign, line)
        for line in (of_full[INBOX], of_full[SMS], of_full[PUSH], of_bare[INBOX])
    )
    view = await bench.core.view(notification_of(campaign, of_full[SMS]))
    assert view.notification.user_id == full
    assert view.notification.channels == (SMS,)


async def test_the_accounts_follow_the_notification(bench: Bench) -> None:
    users = await bench.users(3)
    campaign = await bench.running(users, channels=["websocket"])
    await bench.finished(campaign)
    command = FinishCampaignInput(campaign_id=campaign.id, now=bench.now())
    assert await bench.accounts(campaign) == sums(pending=3)
    assert (await bench.run.finish(command)).status is CampaignStatus.RUNNING
    [first, second, third] = bench.core.starter.started
    async with bench.uow() as tx:
        for one, status, reason in (
            (first, NotificationStatus.SENT, None),
            (second, NotificationStatus.SKIPPED, "channel_disabled"),
            (third, NotificationStatus.FAILED, "provider_unavailable"),
        ):
            await tx.notifications.set_status(one, status, reason=reason)
    assert await bench.accounts(campaign) == sums(
        sent=1, skipped={"channel_disabled": 1}, failed={"provider_unavailable": 1}
    )
    assert (await bench.run.finish(command)).status is CampaignStatus.COMPLETED


async def test_the_words_arrive_in_the_inbox(bench: Bench) -> None:
    users = await bench.users(2)
    campaign = await bench.running(users, channels=["email", "websocket"], title="Hello there")
    await bench.finished(campaign)
    bench.core.provider.sent.clear()
    await handed_on(bench, campaign)
    assert {m.user_id for m in bench.core.provider.sent} == set(users)
    assert {m.message.title for m in bench.core.provider.sent} == {"Hello there"}
    assert (await bench.accounts(campaign))["sent"] == 4


async def test_two_attempts_make_one_notification(bench: Bench) -> None:
    import asyncio

    from domain.errors import Conflict

    users = await bench.users(20)
    campaign = await bench.running(users, channels=["websocket"])
    endings = await asyncio.gather(
        *(bench.deliver(campaign) for _ in range(3)), return_exceptions=True
    )
    assert all(isinstance(e, Conflict) for e in endings if isinstance(e, BaseException)), endings
    await bench.finished(campaign)
    started = bench.core.starter.started
    assert len(started) == len(set(started)) == 20


async def test_cancelling_cancels_the_notifications_that_have_not_left(bench: Bench) -> None:
    users = await bench.users(3)
    campaign = await bench.running(users, channels=["email", "websocket"])
    await bench.finished(campaign)
    view = await bench.campaigns.cancel(campaign.id, ACTOR)
    assert (view.counts.sent, view.counts.skipped) == (3, {"cancelled": 3})
    assert view.counts.pending == 0
    for one in bench.core.starter.started:
        status = (await bench.core.view(one)).notification.status
        assert status is NotificationStatus.CANCELLED


async def test_a_pause_holds_what_was_handed_on(bench: Bench) -> None:
    users = await bench.users(3)
    campaign = await bench.running(users, channels=["websocket"])
    await bench.finished(campaign)
    bench.core.provider.channel = INBOX
    planned, unplanned, other = bench.core.starter.started
    await bench.core.plan(planned)
    await bench.campaigns.pause(campaign.id, ACTOR)
    held = await bench.core.deliver(planned, INBOX)
    assert (held.outcome, held.reason) == (DeliverOutcome.HELD, "campaign_paused")
    assert (await bench.core.plan(planned, trigger=PlanTrigger.HELD)).ready == ()
    plan = await bench.core.plan(unplanned)
    assert (plan.ready, plan.wait_until is not None) == ((), True)
    assert "its campaign is paused" in (await bench.core.explaining.explain(unplanned)).summary
    # Another campaign's, to the same reader, goes on.
    second = await bench.running(users[:1], channels=["websocket"])
    await bench.finished(second)
    assert (await bench.core.plan(bench.core.starter.started[-1])).ready == (INBOX,)
    assert bench.core.provider.sent == []

    await bench.campaigns.resume(campaign.id, ACTOR)
    async with bench.uow() as tx:
        woken = await tx.campaigns._db.fetch(
            "select notification_id from workflow_signals where kind = 'resumed'"
            " and notification_id = any($1::uuid[])",
            [planned, unplanned, other],
        )
    assert {row["notification_id"] for row in woken} == {planned, unplanned}
    for one in (planned, unplanned):
        assert (await bench.core.plan(one, trigger=PlanTrigger.RESUMED)).ready == (INBOX,)
        assert (await bench.core.deliver(one, INBOX)).outcome is DeliverOutcome.SENT


@pytest.mark.parametrize("channels", [["email"], ["websocket", "email"]])
async def test_a_campaign_in_the_recipients_language(bench: Bench, channels: list[str]) -> None:
    [german] = await bench.users(1, locale="de")
    [english] = await bench.users(1, locale="en")
    campaign = await bench.running(
        [german, english], title=None, content=None, type="newsletter",
        template={"key": "newsletter"}, channels=channels,
        data=await example(bench, "newsletter"),
    )  # fmt: skip
    for user in (german, english):
        await bench.consent(user, ConsentType.MARKETING, granted=True)
    assert await bench.finished(campaign) == []
    words = [bench.vendor.words[email(user)].message.html for user in (german, english)]
    assert words[0] != words[1]
    assert set(campaign.template_versions) == {"en", "de", "fr"}


async def example(bench: Bench, key: str) -> dict[str, object]:
    async with bench.uow() as tx:
        [version] = await tx.catalogue.template(key, locale="en")
    return dict(version.example)


@pytest.mark.parametrize("channel", ["email", "websocket"])
async def test_a_template_that_was_deleted_meanwhile_pauses_with_its_reason(
    bench: Bench, channel: str
) -> None:
    from dataclasses import replace as changed

    users = await bench.users(2)
    key = f"gone-{users[0]}"
    async with bench.uow() as tx:
        [version] = await tx.catalogue.template("announcement", locale="en")
        await tx.catalogue.add_template_version(changed(version, key=key, version=1))
    campaign = await bench.running(
        users, title=None, content=None, template={"key": key}, channels=[channel],
        data=dict(version.example),
    )  # fmt: skip
    async with bench.uow() as tx:
        await tx.catalogue.delete_template(key)
    assert (await bench.deliver(campaign)).state is ChunkState.HELD
    held = await bench.campaigns.get(campaign.id)
    assert (held.status, held.reason) == (
        CampaignStatus.PAUSED, "paused_by_error:template_missing",
    )  # fmt: skip
    assert await bench.accounts(campaign) == sums(pending=2)
