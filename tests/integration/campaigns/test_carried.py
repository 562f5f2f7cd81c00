"""What is heard of the notifications that carry a campaign's messages on, in its accounts."""

import itertools
from datetime import timedelta
from typing import Any

import pytest

from domain.callbacks import Engagement, EngagementKind, Receipt
from domain.campaigns.messages import FinishCampaignInput
from domain.campaigns.records import Campaign, CampaignCounts, Recipient
from domain.enums import Channel, ConsentType, DeliveryStatus, Platform, PushVendor
from domain.ids import new_id
from domain.records.notifications import Delivery
from domain.records.people import Device
from services.feedback.effects import CallbackEffects
from services.feedback.engagement import EngagementService
from services.feedback.receipts import ReceiptService
from services.notifications.read_many import ReadManyService
from services.people.inbox import InboxService
from tests.integration.campaigns.conftest import Bench
from tests.integration.campaigns.test_channels import handed_on, notification_of

D, K = DeliveryStatus, EngagementKind
SMS = {"phone": "+4915112345678", "country": "DE"}


class Deaf:
    """No connection is open."""

    async def publish(self, *_: object) -> None:
        return None

    async def broadcast(self, *_: object) -> None:
        return None


async def hear(bench: Bench, *said: Receipt | Engagement) -> None:
    """As a vendor's callback tells it."""
    receipts = ReceiptService(bench.now)
    engagement = EngagementService(bench.uow, receipts, bench.core.starter, bench.now)
    effects = CallbackEffects(receipts, engagement, None, bench.engagement)  # type: ignore[arg-type]
    async with bench.uow() as tx:
        vendor = bench.core.provider.name
        done = await effects.apply(tx, vendor, said, received_at=bench.now(), repeated=False)
    assert done.unknown == 0


async def sent(bench: Bench, users: list[str], channel: str, **fields: Any) -> Campaign:
    """Everybody's notification is with its provider."""
    campaign = await bench.running(users, channels=[channel], **fields)
    await bench.finished(campaign)
    await handed_on(bench, campaign)
    await bench.run.finish(FinishCampaignInput(campaign_id=campaign.id, now=bench.now()))
    return campaign


async def deliveries(bench: Bench) -> list[Delivery]:
    """Of all notifications started."""
    found: list[Delivery] = []
    for one in bench.core.starter.started:
        found += (await bench.core.view(one)).deliveries
    return found


async def counts(bench: Bench, campaign: Campaign) -> CampaignCounts:
    return (await bench.campaigns.accounts(campaign.id)).counts


async def only(bench: Bench, campaign: Campaign) -> Recipient:
    [line] = await bench.recipients(campaign)
    return line


def inbox(bench: Bench) -> InboxService:
    return InboxService(bench.uow, Deaf(), bench.core.starter, bench.now)  # type: ignore[arg-type]


async def an_sms(bench: Bench) -> tuple[Campaign, str, str]:
    """A campaign by SMS, its one reader, and the vendor's id of the message."""
    [user] = await bench.users(1, **SMS)
    await bench.consent(user, ConsentType.SMS, granted=True)
    campaign = await sent(bench, [user], "sms")
    [line] = await deliveries(bench)
    assert line.provider_message_id is not None
    return campaign, user, line.provider_message_id


async def a_push(bench: Bench, devices: int) -> tuple[Campaign, str, list[str]]:
    bench.core.provider.name = "firebase"
    [user] = await bench.users(1)
    async with bench.uow() as tx:
        for number in range(devices):
            device = Device(
                new_id(), user, f"token-{user}-{number}", Platform.ANDROID, PushVendor.FIREBASE,
                bench.now(), bench.now(),
            )  # fmt: skip
            await tx.devices.register(device)
    campaign = await sent(bench, [user], "push")
    return campaign, user, [line.provider_message_id or "" for line in await deliveries(bench)]


@pytest.mark.parametrize("order", list(itertools.permutations([D.DELIVERED, D.BOUNCED, D.SENT])))
async def test_receipts_of_an_sms_reach_the_accounts_in_any_order(
    bench: Bench, order: tuple[DeliveryStatus, ...]
) -> None:
    campaign, _, message = await an_sms(bench)
    assert (await counts(bench, campaign)).delivered == 0
    at = bench.now()
    for status in (*order, *order):
        await hear(bench, Receipt(message, status, at, permanent=False))
    line = await only(bench, campaign)
    assert (line.outcome, line.status) == ("bounced", "sent")
    found = await counts(bench, campaign)
    assert (found.sent, found.delivered, found.bounced) == (1, 0, 1)


async def test_an_sms_that_arrived_has_its_instant(bench: Bench) -> None:
    campaign, _, message = await an_sms(bench)
    at = bench.now()
    await hear(bench, Receipt(message, D.DELIVERED, at))
    await hear(bench, Receipt(message, D.SENT, at + timedelta(seconds=1)))
    async with bench.uow() as tx:
        row = await tx.campaigns._db.fetchrow(
            "select outcome, outcome_at from campaign_recipients where campaign_id = $1",
            campaign.id,
        )
    assert (row["outcome"], row["outcome_at"]) == ("delivered", at)
    assert (await counts(bench, campaign)).delivered == 1


async def test_of_a_push_to_several_devices_the_best_counts(bench: Bench) -> None:
    campaign, _, [first, second] = await a_push(bench, 2)
    await hear(bench, Receipt(first, D.BOUNCED, bench.now()))
    assert (await only(bench, campaign)).outcome is None
    await hear(bench, Receipt(second, D.BOUNCED, bench.now()))
    assert (await counts(bench, campaign)).bounced == 1
    campaign, _, messages = await a_push(bench, 2)
    await hear(bench, Receipt(messages[-1], D.DELIVERED, bench.now()))
    await hear(bench, Receipt(messages[-2], D.BOUNCED, bench.now()))
    found = await counts(bench, campaign)
    assert (found.delivered, found.bounced) == (1, 0)


async def test_a_click_on_a_push_has_arrived_and_was_opened(bench: Bench) -> None:
    campaign, _, [message] = await a_push(bench, 1)
    first = bench.now()
    for later in range(3):
        at = first + timedelta(seconds=-later)
        await hear(bench, Engagement(message, K.CLICKED, at, "https://jobs.example/a"))
    line = await only(bench, campaign)
    assert line.opened_at == line.clicked_at == first
    found = await counts(bench, campaign)
    assert (found.delivered, found.opened, found.clicked) == (1, 1, 1)
    async with bench.uow() as tx:
        rows = await tx.campaigns._db.fetch(
            "select event_type, campaign_id, notification_id from user_engagement_events"
            " where user_id = $1",
            line.user_id,
        )
    carrier = notification_of(campaign, line)
    assert [tuple(row) for row in rows] == [("clicked", campaign.id, carrier)] * 3


async def test_who_refused_tracking_is_not_followed_there_either(bench: Bench) -> None:
    campaign, user, [message] = await a_push(bench, 1)
    await bench.consent(user, ConsentType.TRACKING, granted=False)
    await hear(bench, Engagement(message, K.CLICKED, bench.now()))
    found = await counts(bench, campaign)
    assert (found.delivered, found.opened, found.clicked) == (1, 0, 0)


async def test_what_is_read_in_the_inbox_was_opened(bench: Bench) -> None:
    users = await bench.users(3)
    campaign = await sent(bench, users, "websocket")
    by_user = {
        (await bench.core.view(one)).notification.user_id: one for one in bench.core.starter.started
    }
    reader, several, _ = users
    for _ in range(2):
        await inbox(bench).mark_read(reader, [by_user[reader], *by_user.values()])
    many = ReadManyService(bench.uow, Deaf(), bench.core.starter, bench.now)  # type: ignore[arg-type]
    await many.mark_read([by_user[several], by_user[reader]], None)
    opened = {line.user_id: line.opened_at for line in await bench.recipients(campaign)}
    assert {user for user, at in opened.items() if at} == {reader, several}
    found = await counts(bench, campaign)
    assert (found.sent, found.opened, found.clicked) == (3, 2, 0)


async def test_reading_is_kept_once_whosever_message_it_was(bench: Bench) -> None:
    [user] = await bench.users(1)
    bench.core.provider.channel = Channel.WEBSOCKET
    campaign = await sent(bench, [user], "websocket")
    [carrier] = bench.core.starter.started
    own = await bench.core.accept(user, channels=["websocket"])
    await bench.core.plan(own)
    await bench.core.deliver(own, Channel.WEBSOCKET)
    for _ in range(2):
        await inbox(bench).mark_read(user, [own, carrier])
    async with bench.uow() as tx:
        rows = await tx.campaigns._db.fetch(
            "select notification_id, campaign_id, event_type, channel, metadata"
            " from user_engagement_events where user_id = $1",
            user,
        )
    kept = {row["notification_id"]: row for row in rows}
    assert len(rows) == 2
    assert (kept[own]["campaign_id"], kept[carrier]["campaign_id"]) == (None, campaign.id)
    for item, row in kept.items():
        assert (row["event_type"], row["channel"]) == ("read", "websocket")
        [line] = (await bench.core.view(item)).deliveries
        assert row["metadata"] == {"deliveryId": str(line.id)}


async def test_a_dedup_key_of_ones_own_opens_nothing(bench: Bench) -> None:
    [user] = await bench.users(1)
    campaign = await bench.running([user], channels=["websocket"])
    forged = await bench.core.accept(
        user, channels=["websocket"], dedupKey=f"campaign/{campaign.id}/0"
    )
    bench.core.provider.channel = Channel.WEBSOCKET
    await bench.core.plan(forged)
    await bench.core.deliver(forged, Channel.WEBSOCKET)
    assert await inbox(bench).mark_read(user, [forged]) == (forged,)
    assert (await only(bench, campaign)).opened_at is None


async def test_a_campaign_in_the_inbox_tries_variants_by_what_is_read(bench: Bench) -> None:
    users = await bench.users(6)
    variants = [{"name": "A", "title": "One", "content": "W"}, {"name": "B"}]
    design = {"variants": variants, "metric": "open", "decideAfter": "PT1H"}
    campaign = await sent(bench, users, "websocket", test=design)
    lines = await bench.recipients(campaign)
    chosen = lines[0].variant
    mine = [line for line in lines if line.variant == chosen]
    for line in mine:
        await inbox(bench).mark_read(line.user_id, [notification_of(campaign, line)])
    for variant in (await counts(bench, campaign)).variants:
        read = len(mine) if variant.name == chosen else 0
        total = len(mine) if variant.name == chosen else len(lines) - len(mine)
        assert (variant.sent, variant.opened) == (total, read)
