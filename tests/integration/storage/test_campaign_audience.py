"""Who is frozen into a campaign: dense ordinals, the test and its variants, zones and instants."""

from collections import Counter
from datetime import UTC, datetime

from domain.ab.assignment import Split
from domain.ab.definition import ABDesign
from domain.enums import Channel
from domain.ports.campaigns import Bucket
from domain.preferences import Preferences
from tests.integration.storage.campaigns import (
    HOUR,
    a_campaign,
    a_test,
    bare_people,
    frozen,
    people,
    rows,
)
from tests.integration.storage.conftest import Ledger, now


async def test_ordinals_are_dense_and_in_the_order_of_ids(ledger: Ledger) -> None:
    users = await people(ledger, 20)
    campaign = await frozen(ledger, a_campaign(list(reversed(users))))
    found = await rows(ledger, campaign)
    assert campaign.recipients == 20
    assert [row["ordinal"] for row in found] == list(range(20))
    assert [row["user_id"] for row in found] == users
    assert {row["status"] for row in found} == {"pending"}
    async with ledger.uow() as tx:
        assert await tx.campaigns.buckets(campaign.id) == (Bucket(None, 0, 19, False),)


async def test_a_line_for_each_channel(ledger: Ledger) -> None:
    users = await people(ledger, 3)
    channels = (Channel.EMAIL, Channel.PUSH)
    campaign = await frozen(ledger, a_campaign(users, channels=channels))
    assert campaign.recipients == 6
    assert {(row["user_id"], row["channel"]) for row in await rows(ledger, campaign)} == {
        (user, channel) for user in users for channel in channels
    }


async def test_who_was_erased_is_not_among_them(ledger: Ledger) -> None:
    users = await people(ledger, 3)
    async with ledger.uow() as tx:
        await tx.users.delete(users[0])
    assert (await frozen(ledger, a_campaign(users))).recipients == 2


async def test_the_test_and_its_variants_are_as_the_assignment_says(ledger: Ledger) -> None:
    users = await bare_people(ledger, 1000)
    test = a_test(fraction=0.3)
    campaign = await frozen(ledger, a_campaign(users, test=test))
    split = Split.of(str(campaign.id), [v.weight for v in test.variants], test.fraction)
    found = await rows(ledger, campaign)
    assert {row["user_id"]: row["variant"] for row in found} == {
        user: split.variant_of(user) for user in users
    }
    # The test's members come first, and the two parts are buckets of their own.
    tested = [row["variant"] is not None for row in found]
    assert tested == sorted(tested, reverse=True)
    count = sum(tested)
    assert 200 < count < 400
    async with ledger.uow() as tx:
        assert await tx.campaigns.buckets(campaign.id) == (
            Bucket(None, 0, count - 1, True), Bucket(None, count, 999, False),
        )  # fmt: skip
    shares = Counter(row["variant"] for row in found if row["variant"] is not None)
    assert shares[1] > shares[0]
    assert shares[1] > shares[2]


async def test_a_variant_of_time_is_due_later(ledger: Ledger) -> None:
    users = await bare_people(ledger, 60)
    variants = [{"name": "now"}, {"name": "later", "delay": "PT2H"}]
    test = ABDesign.model_validate({"variants": variants, "decideAfter": "PT4H"})
    at = now()
    campaign = await frozen(ledger, a_campaign(users, test=test), at=at)
    for row in await rows(ledger, campaign):
        assert row["due_at"] == (at, at + 2 * HOUR)[row["variant"]]
    async with ledger.uow() as tx:
        first, second = await tx.campaigns.buckets(campaign.id)
    assert (first.due_at, second.due_at) == (at, at + 2 * HOUR)
    assert first.high + 1 == second.low


async def test_each_zone_has_its_instant_and_who_has_none_the_usual(ledger: Ledger) -> None:
    [berlin] = await people(ledger, 1, timezone="Europe/Berlin")
    [tokyo] = await people(ledger, 1, timezone="Asia/Tokyo")
    [nowhere] = await people(ledger, 1, timezone=None)
    [moved] = await people(ledger, 1, timezone="Asia/Tokyo")
    async with ledger.uow() as tx:
        wishes = Preferences(user_id=moved, timezone="Europe/Berlin")
        await tx.users.put_preferences(wishes, now())
        draft = a_campaign([berlin, tokyo, nowhere, moved])
        zones = {found.zone: found.users for found in await tx.campaigns.zones(draft)}
    assert zones == {"Europe/Berlin": 2, "Asia/Tokyo": 1, None: 1}
    day = datetime(2027, 5, 1, tzinfo=UTC)
    due = {"Asia/Tokyo": day, "Europe/Berlin": day + 7 * HOUR, None: day + 9 * HOUR}
    campaign = await frozen(ledger, draft, due)
    found = await rows(ledger, campaign)
    assert {row["user_id"]: row["due_at"] for row in found} == {
        tokyo: day, berlin: day + 7 * HOUR, moved: day + 7 * HOUR, nowhere: day + 9 * HOUR,
    }  # fmt: skip
    assert [row["due_at"] for row in found] == sorted(row["due_at"] for row in found)
    async with ledger.uow() as tx:
        buckets = await tx.campaigns.buckets(campaign.id)
    assert [(b.due_at, b.low, b.high) for b in buckets] == [
        (day, 0, 0), (day + 7 * HOUR, 1, 2), (day + 9 * HOUR, 3, 3),
    ]  # fmt: skip
