"""A campaign's accounts: numbers that always add up, whatever is heard in whatever order."""

import asyncio
from typing import Any

import pytest

from domain.campaigns.ids import LineRef
from domain.paging import PageRequest
from domain.ports.campaigns import LineResult
from tests.integration.storage.campaigns import (
    FAILED,
    HOUR,
    PENDING,
    SKIPPED,
    a_campaign,
    a_test,
    bare_people,
    frozen,
    rows,
    sent,
    settle,
)
from tests.integration.storage.conftest import Ledger, now


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
            await tx.campaigns.receive(LineRef(campaign.id, 0), word, now())
    [row] = await rows(ledger, campaign)
    assert row["outcome"] == outcome


async def test_the_first_engagement_of_a_kind_stays(ledger: Ledger) -> None:
    campaign = await frozen(ledger, a_campaign(await bare_people(ledger, 1)))
    first, line = now(), LineRef(campaign.id, 0)
    async with ledger.uow() as tx:
        for kind in ("opened", "clicked", "unsubscribed"):
            await tx.campaigns.engaged([line], [kind], first)
            await tx.campaigns.engaged([line], [kind], first + HOUR)
        counts = await tx.campaigns.counts(campaign)
        assert (await tx.campaigns.recipient_at(line)) is not None
        assert await tx.campaigns.recipient_at(LineRef(campaign.id, 1)) is None
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
