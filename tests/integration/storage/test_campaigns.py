"""Campaigns' accounts in PostgreSQL: who is frozen, who is due, and numbers that always add up."""

import asyncio
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from domain.ab.assignment import Split
from domain.audience import Audience
from domain.campaigns.records import Campaign, CampaignStatus, RecipientStatus
from domain.campaigns.shapes import CampaignWords, VariantTest
from domain.enums import Category, Channel, ConsentType
from domain.ids import new_id
from domain.paging import PageRequest
from domain.ports.campaigns import Bucket, LineResult, OpenBatch
from domain.preferences import Preferences
from domain.records import Consent, Subscription, Suppression
from tests.integration.storage.conftest import Ledger, a_user, now

SENT, SKIPPED, FAILED = RecipientStatus.SENT, RecipientStatus.SKIPPED, RecipientStatus.FAILED
PENDING = RecipientStatus.PENDING
HOUR = timedelta(hours=1)


def a_campaign(users: Sequence[str], **fields: Any) -> Campaign:
    given: dict[str, Any] = {
        "id": new_id(), "name": "Spring", "type": "newsletter", "category": Category.MARKETING,
        "channels": (Channel.EMAIL,), "words": CampaignWords(title="T", content="C"),
        "audience": Audience(user_ids=tuple(users)), "status": CampaignStatus.RUNNING,
        "created_at": now(), "updated_at": now(),
    }  # fmt: skip
    return Campaign(**given | fields)


def a_test(**fields: Any) -> VariantTest:
    variants = [{"name": "A", "weight": 1}, {"name": "B", "weight": 2}, {"name": "C", "weight": 1}]
    return VariantTest.model_validate({"variants": variants, **fields})


async def people(ledger: Ledger, count: int, **profile: Any) -> list[str]:
    stem = uuid4().hex[:10]
    ids = [f"{stem}-{number:04}" for number in range(count)]
    async with ledger.uow() as tx:
        for user_id in ids:
            await tx.users.put(a_user(user_id, **profile))
    return ids


async def bare_people(ledger: Ledger, count: int) -> list[str]:
    """Many, of whom nothing is known but their ids."""
    stem = uuid4().hex[:10]
    ids = [f"{stem}-{number:05}" for number in range(count)]
    async with ledger.uow() as tx:
        await tx.campaigns._db.execute(
            "insert into users (id, email_verified, created_at, updated_at)"
            " select id, false, now(), now() from unnest($1::text[]) as id",
            ids,
        )
    return ids


async def frozen(
    ledger: Ledger,
    campaign: Campaign,
    due: dict[str | None, datetime] | None = None,
    at: datetime | None = None,
) -> Campaign:
    async with ledger.uow() as tx:
        await tx.campaigns.insert(campaign)
        count = await tx.campaigns.freeze(campaign, due or {}, at)
        kept = replace(campaign, recipients=count, started_at=now())
        await tx.campaigns.save(kept)
    return kept


async def rows(ledger: Ledger, campaign: Campaign) -> list[dict[str, Any]]:
    async with ledger.uow() as tx:
        found = await tx.campaigns._db.fetch(
            "select * from campaign_recipients where campaign_id = $1 order by ordinal", campaign.id
        )
    return [dict(row) for row in found]


async def settle(ledger: Ledger, campaign: Campaign, *results: LineResult, **more: Any) -> bool:
    async with ledger.uow() as tx:
        return await tx.campaigns.settle(campaign.id, results, at=now(), **more)


def sent(ordinal: int, message_id: str | None = None) -> LineResult:
    return LineResult(
        ordinal, SENT, provider="resend", provider_message_id=message_id, sent_at=now()
    )


# The audience.


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
    test = VariantTest.model_validate({"variants": variants})
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


# The work of a chunk.


async def test_a_line_comes_with_all_that_decides(ledger: Ledger) -> None:
    [user] = await people(ledger, 1, name="Ada", country="DE", timezone="Asia/Tokyo")
    [bare] = await people(ledger, 1, email=None)
    async with ledger.uow() as tx:
        wishes = {"userId": user, "language": "de", "frequency": {"maxPerDay": 3}}
        await tx.users.put_preferences(Preferences.model_validate(wishes), now())
        await tx.users.put_consent(
            Consent(user, ConsentType.MARKETING, granted=True, source="test", text=None, at=now())
        )
        await tx.users.put_subscription(
            Subscription(user, "newsletter", (Channel.EMAIL, Channel.PUSH), now())
        )
        await tx.operations.suppress(
            Suppression(
                id=new_id(), channel=Channel.EMAIL, address=f"{user}@example.com",
                reason="complained", source="test", created_at=now(),
            )
        )  # fmt: skip
    campaign = await frozen(ledger, a_campaign([user, bare]))
    async with ledger.uow() as tx:
        lines = await tx.campaigns.load_lines(campaign.id, 0, 499, now())
        again = await tx.campaigns.lines_of(campaign.id, [0, 1])
    assert again == lines
    mine = next(line for line in lines if line.user.id == user)
    assert (mine.user.email, mine.user.name) == (f"{user}@example.com", "Ada")
    assert (mine.preferences.language, mine.preferences.frequency.max_per_day) == ("de", 3)
    assert mine.consents == {ConsentType.MARKETING: True}
    assert mine.subscription == {Channel.EMAIL, Channel.PUSH}
    reach = mine.reach[Channel.EMAIL]
    assert (reach.targets, reach.suppressed, reach.suppression_reason) == (1, 1, "complained")
    other = next(line for line in lines if line.user.id == bare)
    assert (other.user.email, other.subscription, other.consents) == (None, None, {})
    assert other.reach[Channel.EMAIL].targets == 0
    assert other.preferences == Preferences(user_id="default")


async def test_only_what_is_due_and_pending_is_loaded(ledger: Ledger) -> None:
    campaign = await frozen(ledger, a_campaign(await people(ledger, 5)))
    at = now()
    later = LineResult(2, PENDING, "quiet_hours", due_at=at + HOUR)
    await settle(ledger, campaign, sent(0), LineResult(1, SKIPPED, "unsubscribed"), later)
    async with ledger.uow() as tx:
        due = [line.ordinal for line in await tx.campaigns.load_lines(campaign.id, 0, 3, at)]
        assert due == [3]
        then = at + HOUR
        due = [line.ordinal for line in await tx.campaigns.load_lines(campaign.id, 0, 9, then)]
        assert due == [2, 3, 4]
        assert await tx.campaigns.next_due(campaign.id, 2, 2) == at + HOUR
        assert await tx.campaigns.next_due(campaign.id, 0, 1) is None
        first = await tx.campaigns.next_due(campaign.id, 0, 9)
    assert first is not None
    assert first < at, "at once"


async def test_intents_are_written_once(ledger: Ledger) -> None:
    """A second attempt, during the calls and after them, writes nothing."""
    campaign = await frozen(ledger, a_campaign(await people(ledger, 4)))
    first, second = OpenBatch(new_id(), "resend", (0, 1)), OpenBatch(new_id(), "resend", (1, 2))

    async def write(*batches: OpenBatch, others: Sequence[int] = ()) -> bool:
        async with ledger.uow() as tx:
            return await tx.campaigns.write_batches(campaign.id, 0, batches, others, now())

    assert await write(first)
    assert not await write(second)
    async with ledger.uow() as tx:
        assert await tx.campaigns.open_batches(campaign.id, 0) == (first,)
        assert await tx.campaigns.open_batches(campaign.id, 500) == ()
        assert await tx.campaigns.in_flight(campaign.id) == 2
        assert await tx.campaigns.in_flight(campaign.id, now() + HOUR) == 0
    assert await settle(ledger, campaign, sent(0), sent(1), batches=[first.id])
    assert not await write(second), "one of them is sent"
    assert not await write(others=(1,))
    assert await write(OpenBatch(new_id(), "resend", (2,)), others=(3,))


async def test_results_are_written_once(ledger: Ledger) -> None:
    campaign = await frozen(ledger, a_campaign(await people(ledger, 2)))
    batch = OpenBatch(new_id(), "resend", (0, 1))
    async with ledger.uow() as tx:
        await tx.campaigns.write_batches(campaign.id, 0, [batch], (), now())
    message = f"m-{uuid4()}"
    assert await settle(ledger, campaign, sent(0, message), sent(1), batches=[batch.id])
    unknown = [LineResult(ordinal, FAILED, "outcome_unknown") for ordinal in (0, 1)]
    assert not await settle(ledger, campaign, *unknown, batches=[batch.id])
    assert await settle(ledger, campaign, *unknown), "and only pending lines move"
    assert [row["status"] for row in await rows(ledger, campaign)] == ["sent", "sent"]
    async with ledger.uow() as tx:
        found = await tx.campaigns.recipient_of(message)
    assert found is not None
    assert (found.campaign_id, found.ordinal) == (campaign.id, 0)


async def test_refusals_are_counted_and_what_is_put_off_keeps_its_place(ledger: Ledger) -> None:
    campaign = await frozen(ledger, a_campaign(await people(ledger, 1)))
    for _ in range(2):
        await settle(ledger, campaign, LineResult(0, PENDING, "busy", failed_once=True))
    later = now() + HOUR
    await settle(ledger, campaign, LineResult(0, PENDING, "quiet_hours", due_at=later))
    [row] = await rows(ledger, campaign)
    assert (row["failures"], row["due_at"], row["reason"]) == (2, later, "quiet_hours")


async def test_closing_and_giving_up(ledger: Ledger) -> None:
    campaign = await frozen(ledger, a_campaign(await people(ledger, 4)))
    async with ledger.uow() as tx:
        batch = OpenBatch(new_id(), "resend", (1, 2))
        await tx.campaigns.write_batches(campaign.id, 0, [batch], (), now())
    await settle(ledger, campaign, sent(0))
    async with ledger.uow() as tx:
        assert await tx.campaigns.close_pending(campaign.id, "cancelled") == 1
        assert await tx.campaigns.give_up_batches(campaign.id, now()) == 2
        assert await tx.campaigns.give_up_batches(campaign.id, now()) == 0
        assert await tx.campaigns.close_pending(campaign.id, "cancelled") == 0
        counts = await tx.campaigns.counts(campaign)
    assert (counts.sent, counts.failures, counts.skipped, counts.pending) == (
        1, {"outcome_unknown": 2}, {"cancelled": 1}, 0,
    )  # fmt: skip


# The accounts.


async def test_the_accounts_add_up_while_they_are_written(ledger: Ledger) -> None:
    """Every answer of the one query, while ten writers settle at once."""
    users = await bare_people(ledger, 1000)
    campaign = await frozen(ledger, a_campaign(users))
    over, polls = asyncio.Event(), 0

    async def watch() -> None:
        nonlocal polls
        while not over.is_set():
            async with ledger.uow() as tx:
                counts = await tx.campaigns.counts(campaign)
            skipped = sum(counts.skipped.values())
            assert counts.recipients == 1000
            assert counts.recipients == counts.sent + skipped + counts.failed + counts.pending
            polls += 1

    async def write(low: int) -> None:
        for start in range(low, low + 100, 10):
            results = [sent(start + n) for n in range(6)]
            results += [LineResult(start + n, SKIPPED, "unsubscribed") for n in (6, 7)]
            results += [LineResult(start + 8, FAILED, "invalid_address")]
            await settle(ledger, campaign, *results)

    watching = [asyncio.create_task(watch()) for _ in range(2)]
    await asyncio.gather(*(write(low) for low in range(0, 1000, 100)))
    over.set()
    await asyncio.gather(*watching)
    assert polls > 5
    async with ledger.uow() as tx:
        counts = await tx.campaigns.counts(campaign)
    assert (counts.sent, counts.skipped, counts.failures, counts.pending) == (
        600, {"unsubscribed": 200}, {"invalid_address": 100}, 100,
    )  # fmt: skip
    assert counts.first_sent_at is not None
    assert counts.last_sent_at is not None
    assert counts.first_sent_at <= counts.last_sent_at


async def test_recipients_page_by_page_and_filtered(ledger: Ledger) -> None:
    campaign = await frozen(ledger, a_campaign(await bare_people(ledger, 25), test=a_test()))
    await settle(
        ledger, campaign, *(sent(n) for n in range(10)),
        *(LineResult(n, SKIPPED, "unsubscribed") for n in range(10, 18)),
        *(LineResult(n, SKIPPED, "no_address") for n in range(18, 20)),
    )  # fmt: skip

    async def listed(limit: int, **where: Any) -> list[list[int]]:
        pages: list[list[int]] = []
        request = PageRequest(limit)
        while True:
            async with ledger.uow() as tx:
                wanted = {"status": None, "reason": None} | where
                page = await tx.campaigns.recipients(campaign, request, **wanted)
            pages.append([item.ordinal for item in page.items])
            assert all(item.variant in {"A", "B", "C"} for item in page.items)
            if page.next_cursor is None:
                return pages
            request = PageRequest(limit, page.next_cursor)

    assert [len(page) for page in await listed(10)] == [10, 10, 5]
    assert [n for page in await listed(10) for n in page] == list(range(25))
    assert await listed(25) == [list(range(25))]
    assert await listed(4, status=SKIPPED, reason="unsubscribed") == [
        [10, 11, 12, 13], [14, 15, 16, 17],
    ]  # fmt: skip
    assert await listed(100, reason="no_address") == [[18, 19]]
    assert await listed(100, status=PENDING) == [[20, 21, 22, 23, 24]]
    assert await listed(100, status=FAILED) == [[]]


@pytest.mark.parametrize(
    ("heard", "outcome"),
    [
        (["delivered"], "delivered"),
        (["bounced", "delivered"], "bounced"),
        (["delivered", "complained", "failed"], "complained"),
        (["complained", "delivered", "bounced"], "complained"),
    ],
)
async def test_the_weightiest_receipt_stays(ledger: Ledger, heard: list[str], outcome: str) -> None:
    campaign = await frozen(ledger, a_campaign(await bare_people(ledger, 1)))
    await settle(ledger, campaign, sent(0))
    async with ledger.uow() as tx:
        for word in heard:
            await tx.campaigns.receive(campaign.id, 0, word)
    [row] = await rows(ledger, campaign)
    assert row["outcome"] == outcome


async def test_the_first_engagement_of_a_kind_stays(ledger: Ledger) -> None:
    campaign = await frozen(ledger, a_campaign(await bare_people(ledger, 1)))
    first = now()
    async with ledger.uow() as tx:
        for kind in ("opened", "clicked", "unsubscribed"):
            await tx.campaigns.engaged(campaign.id, 0, kind, first)
            await tx.campaigns.engaged(campaign.id, 0, kind, first + HOUR)
        counts = await tx.campaigns.counts(campaign)
        assert await tx.campaigns.user_of(campaign.id, 0) is not None
        assert await tx.campaigns.user_of(campaign.id, 1) is None
    [row] = await rows(ledger, campaign)
    assert {row["opened_at"], row["clicked_at"], row["unsubscribed_at"]} == {first}
    assert (counts.opened, counts.clicked, counts.unsubscribed) == (1, 1, 1)


async def test_usage_counts_what_other_campaigns_sent(ledger: Ledger) -> None:
    users = await bare_people(ledger, 2)
    other, this = [await frozen(ledger, a_campaign(users)) for _ in range(2)]
    await settle(ledger, other, sent(0), LineResult(1, SKIPPED, "unsubscribed"))
    await settle(ledger, this, sent(0), sent(1))
    async with ledger.uow() as tx:
        usage = await tx.campaigns.usage(users, now() - HOUR, this.id)
        old = await tx.campaigns.usage(users, now() + HOUR, this.id)
    assert {user: [u.notification_id for u in found] for user, found in usage.items()} == {
        users[0]: [other.id]
    }
    assert old == {}


# The resource.


async def test_a_campaign_comes_back_as_it_was(ledger: Ledger) -> None:
    campaign = a_campaign(["a"], test=a_test(fraction=0.5), template_versions={"en": 3})
    async with ledger.uow() as tx:
        assert await tx.campaigns.insert(campaign)
        assert await tx.campaigns.get(campaign.id) == campaign
        assert await tx.campaigns.get(uuid4()) is None
        changed = replace(campaign, status=CampaignStatus.PAUSED, winner=1, recipients=7)
        await tx.campaigns.save(changed)
        assert await tx.campaigns.lock(campaign.id) == changed


async def test_an_occurrence_is_made_once(ledger: Ledger) -> None:
    parent = a_campaign([], status=CampaignStatus.SCHEDULED)
    occurs_at = now()
    async with ledger.uow() as tx:
        await tx.campaigns.insert(parent)
        first = a_campaign([], parent_id=parent.id, occurs_at=occurs_at)
        assert await tx.campaigns.insert(first)
        again = a_campaign([], parent_id=parent.id, occurs_at=occurs_at)
        assert not await tx.campaigns.insert(again)


async def test_what_temporal_was_not_told_is_claimed_by_one(ledger: Ledger) -> None:
    async def claimed(campaign: Campaign, again_before: datetime) -> bool:
        async with ledger.uow() as tx:
            found = await tx.campaigns.claim_untold(
                older_than=now() + HOUR, again_before=again_before, limit=1000
            )
        return campaign.id in {one.id for one in found}

    campaign, draft = a_campaign([]), a_campaign([], status=CampaignStatus.DRAFT)
    long_ago = now() - HOUR
    async with ledger.uow() as tx:
        await tx.campaigns.insert(campaign)
        await tx.campaigns.insert(draft)
        young = await tx.campaigns.claim_untold(
            older_than=campaign.updated_at, again_before=long_ago, limit=1000
        )
    assert campaign.id not in {one.id for one in young}
    assert await claimed(campaign, long_ago)
    assert not await claimed(draft, now() + HOUR)
    assert not await claimed(campaign, long_ago), "somebody is at it"
    assert await claimed(campaign, now() + HOUR), "who died meanwhile is followed"
    async with ledger.uow() as tx:
        await tx.campaigns.mark_told(campaign.id, campaign.updated_at - HOUR)
    assert await claimed(campaign, now() + HOUR), "that was an earlier state"
    async with ledger.uow() as tx:
        await tx.campaigns.mark_told(campaign.id, campaign.updated_at)
    assert not await claimed(campaign, now() + HOUR)
    async with ledger.uow() as tx:
        await tx.campaigns.untell(campaign.id)
    assert await claimed(campaign, long_ago)


async def test_campaigns_are_listed_newest_first(ledger: Ledger) -> None:
    made = [
        a_campaign([], status=CampaignStatus.FAILED, created_at=now() + number * HOUR)
        for number in range(5)
    ]
    async with ledger.uow() as tx:
        for campaign in made:
            await tx.campaigns.insert(campaign)
    seen: list[UUID] = []
    request = PageRequest(2)
    while True:
        async with ledger.uow() as tx:
            page = await tx.campaigns.list(request, CampaignStatus.FAILED)
        seen += [item.id for item in page.items]
        if page.next_cursor is None:
            break
        request = PageRequest(2, page.next_cursor)
    assert seen == [campaign.id for campaign in reversed(made)]
