"""A campaign to a few addresses of those who made it."""

from uuid import uuid4

import pytest

from domain.errors import Conflict, Invalid, NotFound
from domain.ports.providers import Rejected
from tests.integration.campaigns.conftest import Bench, email, sums

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
