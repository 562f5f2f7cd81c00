"""What is heard of a campaign's messages after they left, and links that lead back to it."""

import re
from datetime import timedelta
from typing import Any

import pytest

from domain.audience.shapes import Audience
from domain.callbacks import Engagement, EngagementKind, Receipt
from domain.campaigns.ids import recipient_id
from domain.campaigns.records import Campaign
from domain.campaigns.tracked import read_campaign_tracked
from domain.enums import Channel, ConsentType, DeliveryStatus
from services.catalogue.reading import Catalogue
from services.people.subscriptions import SubscriptionService
from tests.integration.campaigns.conftest import LINK_KEY, PUBLIC, Bench, email

ORDERS = [
    (DeliveryStatus.DELIVERED, DeliveryStatus.COMPLAINED),
    (DeliveryStatus.COMPLAINED, DeliveryStatus.DELIVERED),
    (DeliveryStatus.COMPLAINED, DeliveryStatus.DELIVERED, DeliveryStatus.COMPLAINED),
]


async def sent(bench: Bench, **fields: object) -> tuple[str, Campaign, str]:
    """A user, the campaign they got, and the vendor's id of the message."""
    [user] = await bench.users(1)
    campaign = await bench.running([user], **fields)
    await bench.finished(campaign)
    [line] = await bench.recipients(campaign)
    assert line.provider_message_id is not None
    return user, campaign, line.provider_message_id


class Silent:
    """Nobody is planned anew in these tests."""

    async def note(self, *_: object) -> tuple[()]:
        return ()

    def tell(self, _: object) -> None:
        return None


def by_links(bench: Bench) -> SubscriptionService:
    catalogue = Catalogue(bench.uow)
    return SubscriptionService(bench.uow, catalogue, Silent(), bench.now, LINK_KEY)  # type: ignore[arg-type]


async def hears(bench: Bench, said: Receipt | Engagement, *, repeated: bool = False) -> bool:
    async with bench.uow() as tx:
        return await bench.engagement.heard(tx, "first", said, said.at, repeated=repeated)


@pytest.mark.parametrize("order", ORDERS)
async def test_receipts_in_any_order_end_the_same(
    bench: Bench, order: tuple[DeliveryStatus, ...]
) -> None:
    _, campaign, message = await sent(bench)
    for status in order:
        assert await hears(bench, Receipt(message, status, bench.now()))
    [line] = await bench.recipients(campaign)
    assert line.outcome == "complained"
    counts = (await bench.campaigns.accounts(campaign.id)).counts
    assert (counts.sent, counts.complained, counts.delivered) == (1, 1, 0)


async def test_a_bounce_suppresses_the_address(bench: Bench) -> None:
    user, campaign, message = await sent(bench)
    bounced = Receipt(message, DeliveryStatus.BOUNCED, bench.now(), recipient=email(user))
    await hears(bench, bounced)
    async with bench.uow() as tx:
        found = await tx.operations.suppression(Channel.EMAIL, email(user), bench.now())
    assert found is not None
    again = await bench.running([user])
    await bench.finished(again)
    assert (await bench.accounts(again))["skipped"] == {"suppressed": 1}
    assert (await bench.campaigns.accounts(campaign.id)).counts.bounced == 1


async def test_a_message_of_no_campaign_is_not_its(bench: Bench) -> None:
    assert not await hears(bench, Receipt("m-unknown", DeliveryStatus.DELIVERED, bench.now()))


async def test_who_clicks_has_opened_and_only_the_first_counts(bench: Bench) -> None:
    _, campaign, message = await sent(bench)
    first = bench.now()
    for later in range(3):
        at = first + timedelta(minutes=later)
        await hears(bench, Engagement(message, EngagementKind.CLICKED, at))
    [line] = await bench.recipients(campaign)
    assert line.opened_at == line.clicked_at == first
    counts = (await bench.campaigns.accounts(campaign.id)).counts
    assert (counts.opened, counts.clicked) == (1, 1)


async def test_who_refused_tracking_is_not_followed(bench: Bench) -> None:
    user, campaign, message = await sent(bench)
    await bench.consent(user, ConsentType.TRACKING, granted=False)
    await hears(bench, Engagement(message, EngagementKind.OPENED, bench.now()))
    assert (await bench.campaigns.accounts(campaign.id)).counts.opened == 0


async def test_the_messages_own_links_reach_the_accounts(bench: Bench) -> None:
    content = "Read https://example.com/news today."
    user, campaign, _ = await sent(bench, content=content)
    html = bench.vendor.words[email(user)].message.html or ""
    seen = set()
    for token in re.findall(rf"{re.escape(PUBLIC)}/\S*?([\w.~-]{{40,}})", html):
        tracked = read_campaign_tracked(LINK_KEY, token)
        if tracked is None:
            continue
        assert (tracked.notification_id, tracked.ordinal) == (campaign.id, 0)
        seen.add(tracked.kind)
        await bench.engagement.record(campaign.id, 0, tracked.kind, bench.now())
    assert EngagementKind.OPENED in seen
    assert (await bench.campaigns.accounts(campaign.id)).counts.opened == 1


async def engagement(bench: Bench, user: str) -> list[dict[str, Any]]:
    """What the user did, as kept for segments and reports."""
    async with bench.uow() as tx:
        rows = await tx.campaigns._db.fetch(
            "select event_type, channel, campaign_id, notification_id, metadata, created_at"
            " from user_engagement_events where user_id = $1 order by created_at, event_type",
            user,
        )
    return [dict(row) for row in rows]


async def test_what_people_do_with_emails_is_kept_as_that_of_notifications(bench: Bench) -> None:
    user, campaign, message = await sent(bench)
    at, url = bench.now(), "https://ann:pw@jobs.example/a?token=secret"
    for step in (0, 1, 1, 0):
        later = at + timedelta(seconds=step)
        bench.ahead = timedelta(seconds=step)
        await hears(bench, Engagement(message, EngagementKind.CLICKED, later, url))
    await bench.engagement.record(campaign.id, 0, EngagementKind.OPENED, at + timedelta(minutes=1))
    kept = await engagement(bench, user)
    assert [(row["event_type"], row["created_at"]) for row in kept] == [
        ("clicked", at), ("clicked", at + timedelta(seconds=1)),
        ("opened", at + timedelta(minutes=1)),
    ]  # fmt: skip
    first = kept[0]
    assert (first["campaign_id"], first["notification_id"], first["channel"]) == (
        campaign.id, None, "email",
    )  # fmt: skip
    assert first["metadata"] == {
        "url": "https://jobs.example/a", "deliveryId": str(recipient_id(campaign.id, 0)),
    }  # fmt: skip


async def test_an_instant_before_the_campaign_is_no_instant_of_it(bench: Bench) -> None:
    user, campaign, message = await sent(bench)
    long_ago = bench.now() - timedelta(days=20_000)
    for _ in range(2):
        await hears(bench, Engagement(message, EngagementKind.OPENED, long_ago))
    [kept] = await engagement(bench, user)
    [line] = await bench.recipients(campaign)
    assert kept["created_at"] == line.opened_at == campaign.created_at


async def test_of_who_refused_tracking_nothing_is_kept(bench: Bench) -> None:
    user, campaign, message = await sent(bench)
    await bench.consent(user, ConsentType.TRACKING, granted=False)
    await hears(bench, Engagement(message, EngagementKind.CLICKED, bench.now()))
    await bench.engagement.record(campaign.id, 0, EngagementKind.OPENED, bench.now())
    assert await engagement(bench, user) == []


async def test_segments_find_who_opened_a_campaign(bench: Bench) -> None:
    user, campaign, _ = await sent(bench)
    wanted = {"field": "engagement.opened.count", "op": "gte", "value": 1, "days": 7}
    audience = Audience.model_validate({"segment": wanted})
    async with bench.uow() as tx:
        assert await tx.audiences.belongs(audience, [user]) == set()
    await bench.engagement.record(campaign.id, 0, EngagementKind.OPENED, bench.now())
    async with bench.uow() as tx:
        assert await tx.audiences.belongs(audience, [user]) == {user}


async def test_one_click_told_twice_is_one_unsubscription(bench: Bench) -> None:
    service = by_links(bench)
    user, campaign, _ = await sent(bench)
    link = bench.vendor.words[email(user)].headers["List-Unsubscribe"].strip("<>")
    for _ in range(2):
        done = await service.unsubscribe_by_link(link.rpartition("/")[2])
    [kept] = await engagement(bench, user)
    assert (kept["event_type"], kept["campaign_id"]) == ("unsubscribed", campaign.id)
    await service.resubscribe_by_link(link.rpartition("/")[2], done.undo)
    assert len(await engagement(bench, user)) == 1


async def test_unsubscribing_and_back_by_the_messages_link(bench: Bench) -> None:
    service = by_links(bench)
    user, campaign, _ = await sent(bench)
    message = bench.vendor.words[email(user)]
    link = message.headers["List-Unsubscribe"].strip("<>")
    assert message.headers["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    token = link.rpartition("/")[2]
    done = await service.unsubscribe_by_link(token)
    assert (await bench.campaigns.accounts(campaign.id)).counts.unsubscribed == 1
    again = await bench.running([user])
    await bench.finished(again)
    assert (await bench.accounts(again))["skipped"] == {"unsubscribed": 1}
    await service.resubscribe_by_link(token, done.undo)
    third = await bench.running([user])
    await bench.finished(third)
    assert (await bench.accounts(third))["sent"] == 1


async def test_undoing_alone_counts_as_no_unsubscription(bench: Bench) -> None:
    """From the page of one message, what another message's link did is undone."""
    service = by_links(bench)
    user, first, _ = await sent(bench)
    one = bench.vendor.words[email(user)].headers["List-Unsubscribe"].strip("<>")
    second = await bench.running([user])
    await bench.finished(second)
    two = bench.vendor.words[email(user)].headers["List-Unsubscribe"].strip("<>")
    done = await service.unsubscribe_by_link(one.rpartition("/")[2])
    await service.resubscribe_by_link(two.rpartition("/")[2], done.undo)
    assert (await bench.campaigns.accounts(first.id)).counts.unsubscribed == 1
    assert (await bench.campaigns.accounts(second.id)).counts.unsubscribed == 0
