"""A campaign to a few addresses of those who made it."""

import re
from uuid import uuid4

import pytest

from domain.callbacks import EngagementKind
from domain.campaigns.messages import FreezeInput
from domain.campaigns.records import Campaign
from domain.campaigns.tracked import read_campaign_tracked
from domain.enums import Channel
from domain.errors import Conflict, Invalid, NotFound
from domain.ids import new_id
from domain.ports.providers import Rejected
from domain.records.people import Suppression
from tests.integration.campaigns.conftest import ACTOR, LINK_KEY, Bench, email, sums
from tests.integration.campaigns.test_heard_later import by_links

VARIANTS = [{"name": "A", "subject": "One"}, {"name": "B", "subject": "Two"}]


async def test_every_variant_to_every_address_and_nothing_is_counted(bench: Bench) -> None:
    users = await bench.users(2)
    draft = await bench.draft(users, test={"variants": VARIANTS, "decideAfter": "PT4H"})
    found = await bench.tests.send(draft.id, ["ann@example.com", "bob@example.com"], None)
    assert [(one.address, one.variant) for one in found] == [
        ("ann@example.com", "A"), ("ann@example.com", "B"),
        ("bob@example.com", "A"), ("bob@example.com", "B"),
    ]  # fmt: skip
    assert all(one.provider == "first" and one.provider_message_id for one in found)
    assert bench.vendor.words["bob@example.com"].message.subject == "[Test] Two"
    assert bench.vendor.received == {"ann@example.com": 2, "bob@example.com": 2}
    assert await bench.accounts(draft) == sums()


async def test_it_is_written_as_for_a_user(bench: Bench) -> None:
    [user] = await bench.users(1, name="Ada Lovelace")
    draft = await bench.draft([user], subject="For {{ user.name }}")
    await bench.tests.send(draft.id, ["ann@example.com"], user)
    assert bench.vendor.words["ann@example.com"].message.subject == "[Test] For Ada Lovelace"
    assert email(user) not in bench.vendor.received


async def test_a_refused_test_says_why(bench: Bench) -> None:
    draft = await bench.draft(await bench.users(1))
    bench.vendor.steps = [Rejected("invalid_address", "No such mailbox.")]
    [one] = await bench.tests.send(draft.id, ["ann@example.com"], None)
    assert one.error == ("invalid_address", "No such mailbox.")
    assert one.provider_message_id is None


async def test_what_cannot_be_sent_as_a_test(bench: Bench) -> None:
    [user] = await bench.users(1)
    with pytest.raises(NotFound) as missing:
        await bench.tests.send(uuid4(), ["ann@example.com"], None)
    assert missing.value.code == "campaign_not_found"
    draft = await bench.draft([user])
    with pytest.raises(NotFound) as nobody:
        await bench.tests.send(draft.id, ["ann@example.com"], "nobody")
    assert nobody.value.code == "user_not_found"
    inbox = await bench.draft([user], channels=["websocket"])
    with pytest.raises(Conflict) as no_email:
        await bench.tests.send(inbox.id, ["ann@example.com"], None)
    assert no_email.value.code == "campaign_without_email"
    needy = await bench.draft([user], subject="News from {{ user.attributes.city }}")
    with pytest.raises(Invalid):
        await bench.tests.send(needy.id, ["ann@example.com"], user)


async def test_what_a_tester_opens_clicks_and_unsubscribes_is_nobodys(bench: Bench) -> None:
    [user] = await bench.users(1)
    draft = await bench.draft([user])
    await bench.tests.send(draft.id, ["ann@example.com"], user)
    sent = bench.vendor.words["ann@example.com"]
    html = sent.message.html or ""
    assert bench.links.preferences(user) not in html
    await bench.campaigns.send(draft.id, ACTOR)
    await bench.run.freeze(FreezeInput(campaign_id=draft.id, now=bench.now()))

    pixel = re.search(r"/api/t/o/([^\"]+)", html)
    assert pixel is not None
    tracked = read_campaign_tracked(LINK_KEY, pixel[1])
    assert tracked is not None
    assert tracked.ordinal is not None
    await bench.engagement.record(draft.id, tracked.ordinal, EngagementKind.CLICKED, bench.now())
    await unsubscribed(bench, sent.headers["List-Unsubscribe"])
    assert all(
        one.opened_at is one.clicked_at is one.unsubscribed_at is None
        for one in await bench.recipients(draft)
    )
    async with bench.uow() as tx:
        assert await tx.users.subscriptions(user) == ()


async def unsubscribed(bench: Bench, header: str) -> None:
    """And back again, as the page does it."""
    token = header.strip("<>").rpartition("/")[2]
    service = by_links(bench)
    done = await service.unsubscribe_by_link(token)
    assert done.link.is_test
    assert not done.changed
    assert (await service.resubscribe_by_link(token, done.undo)).is_test


async def test_nothing_is_sent_to_a_suppressed_address(bench: Bench) -> None:
    draft: Campaign = await bench.draft(await bench.users(1))
    held = Suppression(
        new_id(), Channel.EMAIL, "complained", "test", bench.now(), None, "Suppressed@example.com"
    )
    async with bench.uow() as tx:
        await tx.operations.suppress(held)
    ann, bob = await bench.tests.send(draft.id, ["ann@example.com", "suppressed@example.com"], None)
    assert ann.provider_message_id
    assert bob.error is not None
    assert bob.error[0] == "address_suppressed"
    assert list(bench.vendor.received) == ["ann@example.com"]
