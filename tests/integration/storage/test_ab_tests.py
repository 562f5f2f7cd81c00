"""A/B tests in the real database: its hash is ours, and what is written once stays."""

import asyncio
from collections import Counter
from datetime import timedelta
from typing import Any
from uuid import UUID

import asyncpg
import pytest

from domain.ab.assignment import Split, hash_of
from domain.ab.decision import Decision, DecisionReason
from domain.ab.definition import ABDesign, ABMetric, ABTestStatus
from domain.ids import new_id
from domain.paging import PageRequest
from domain.ports.ab_tests import ABCount, ABLink, ABOutcome, ABTest, WorkflowCall
from storage.ab import split as ab_split
from tests.integration.storage.conftest import Ledger, now

OPEN, CLICK = ABMetric.OPEN, ABMetric.CLICK
USERS = [f"user-{number}" for number in range(996)] + ["a", "A|b@c.de", "ü:ß", "x:y:z"]


def a_test(**fields: Any) -> ABTest:
    at = now()
    design = {
        "variants": [{"name": "A"}, {"name": "B", "weight": 2.5, "subject": "Hi", "delay": "PT1H",
                                     "data": {"n": 1}, "sendAt": None}],
        "fraction": 0.4, "metric": "click", "decideAfter": "PT4H",
    }  # fmt: skip
    given: dict[str, Any] = {
        "id": new_id(), "name": "Subjects", "type": None, "status": ABTestStatus.RUNNING,
        "design": ABDesign.model_validate(design), "created_at": at, "updated_at": at,
        "started_at": at, "decide_at": at + timedelta(hours=4),
    }  # fmt: skip
    return ABTest(**given | fields)


async def stored(ledger: Ledger, **fields: Any) -> ABTest:
    test = a_test(**fields)
    async with ledger.uow() as tx:
        await tx.ab_tests.insert(test)
    return test


async def assign(ledger: Ledger, test: ABTest, user: str, variant: int) -> int | None:
    async with ledger.uow() as tx:
        return await tx.ab_tests.assign(test.id, user, variant, now())


async def outcome(ledger: Ledger, test: ABTest, user: str, value: float | None = None) -> Any:
    async with ledger.uow() as tx:
        return await tx.ab_tests.add_outcome(ABOutcome(test.id, user, CLICK, now(), value))


async def counts(ledger: Ledger, test: ABTest) -> dict[tuple[int, ABMetric | None], ABCount]:
    async with ledger.uow() as tx:
        return {(c.variant, c.metric): c for c in await tx.ab_tests.counts(test.id)}


async def calls(ledger: Ledger, test: ABTest, again: timedelta = timedelta(0)) -> list[Any]:
    async with ledger.uow() as tx:
        claimed = await tx.ab_tests.claim_calls(again_before=now() - again, limit=1000)
    return [call for test_id, call in claimed if test_id == test.id]


def a_decision(**fields: Any) -> Decision:
    given = {"variant": "B", "index": 1, "by": "metric", "significant": False, "summary": "S.",
             "reason": DecisionReason.TOO_FEW, "at": now()}  # fmt: skip
    return Decision(**given | fields)


@pytest.mark.parametrize("seed", ["spring", "0198f0a2-7c1e-7000-8000-000000000001", ""])
async def test_the_database_hashes_alike(sql: asyncpg.Connection, seed: str) -> None:
    rows = await sql.fetch(
        f"select u, {ab_split.hash_of('$1::text', 'u')} as hash from unnest($2::text[]) as u",
        seed,
        USERS,
    )
    assert {row["u"]: row["hash"] for row in rows} == {user: hash_of(seed, user) for user in USERS}


@pytest.mark.parametrize(
    ("weights", "fraction"),
    [((1, 1), 1.0), ((1, 1), 0.2), ((3, 0.1, 7.7), 0.55), ((1,) * 10, 0.5), ((2,), 0.3),
     ((1, 1), 0.0)],
)  # fmt: skip
async def test_the_database_divides_alike(
    sql: asyncpg.Connection, weights: tuple[float, ...], fraction: float
) -> None:
    split = Split.of("spring", weights, fraction)
    rows = await sql.fetch(
        f"select u, {ab_split.variant_of('u', 2)} as variant from unnest($1::text[]) as u",
        USERS,
        *ab_split.values(split),
    )
    assert len(rows) == 1000
    assert {row["u"]: row["variant"] for row in rows} == {u: split.variant_of(u) for u in USERS}
    seen = Counter(row["variant"] for row in rows)
    assert set(seen) - {None} == (set(range(len(weights))) if fraction else set())


async def test_a_test_comes_back_as_it_was(ledger: Ledger) -> None:
    test = await stored(ledger, type="newsletter")
    async with ledger.uow() as tx:
        assert await tx.ab_tests.get(test.id) == test
        assert await tx.ab_tests.get(new_id()) is None
        page = await tx.ab_tests.list(ABTestStatus.RUNNING, PageRequest(1))
        assert [item.id for item in page.items] == [test.id]
        assert not (await tx.ab_tests.list(ABTestStatus.DECIDED, PageRequest())).items
    assert test.split == Split.of(str(test.id), (1, 2.5), 0.4)


async def test_pages_hold_each_once(ledger: Ledger) -> None:
    mine = [(await stored(ledger)).id for _ in range(5)]
    seen: list[UUID] = []
    page = PageRequest(2)
    async with ledger.uow() as tx:
        while True:
            found = await tx.ab_tests.list(None, page)
            seen += [item.id for item in found.items]
            if found.next_cursor is None:
                break
            page = PageRequest(2, found.next_cursor)
    assert len(seen) == len(set(seen))
    assert [item for item in seen if item in mine] == mine[::-1]


async def test_an_assignment_is_remembered(ledger: Ledger) -> None:
    test = await stored(ledger)
    assert await asyncio.gather(*(assign(ledger, test, "ada", 1) for _ in range(8))) == [1] * 8
    assert await assign(ledger, test, "ada", 0) == 1
    async with ledger.uow() as tx:
        pairs = [(test.id, "ada"), (test.id, "bob"), (new_id(), "ada")]
        assert await tx.ab_tests.assigned(pairs) == {(test.id, "ada"): 1}
        assert await tx.ab_tests.assigned([]) == {}


async def test_only_a_running_test_assigns(ledger: Ledger) -> None:
    test = await stored(ledger)
    await assign(ledger, test, "ada", 1)
    async with ledger.uow() as tx:
        assert await tx.ab_tests.stop(test.id, now())
    assert await assign(ledger, test, "bob", 0) is None
    assert await assign(ledger, test, "ada", 0) == 1
    draft = await stored(ledger, status=ABTestStatus.DRAFT)
    assert await assign(ledger, draft, "ada", 0) is None


async def test_the_first_outcome_counts(ledger: Ledger) -> None:
    test = await stored(ledger)
    for user, variant in (("ada", 0), ("bob", 1), ("cy", 1)):
        await assign(ledger, test, user, variant)
    assert sorted(await asyncio.gather(*(outcome(ledger, test, "bob", 2.5) for _ in range(5)))) == [
        False
    ] * 4 + [True]
    assert await outcome(ledger, test, "cy", 4) is True
    assert await outcome(ledger, test, "nobody") is None
    assert await counts(ledger, test) == {
        (0, None): ABCount(0, None, 1), (1, None): ABCount(1, None, 2),
        (1, CLICK): ABCount(1, CLICK, 2, 6.5),
    }  # fmt: skip


async def test_a_notification_tells_of_its_user(ledger: Ledger) -> None:
    test = await stored(ledger)
    users = [await ledger.user() for _ in range(3)]
    items = [await ledger.notification(user) for user in (*users, users[0])]
    links = [ABLink(item.id, test.id, item.user_id, 1, now()) for item in items]
    async with ledger.uow() as tx:
        await tx.ab_tests.link(links)
        await tx.ab_tests.link([])
    async with ledger.uow() as tx:
        for _ in range(2):
            await tx.ab_tests.engaged([items[0].id, items[3].id], [CLICK, OPEN], now())
        await tx.ab_tests.engaged([items[1].id, new_id()], [OPEN], now())
        await tx.ab_tests.engaged([], [OPEN], now())
    assert {k: c.users for k, c in (await counts(ledger, test)).items()} == {
        (1, None): 3, (1, CLICK): 1, (1, OPEN): 2,
    }  # fmt: skip


async def test_the_winner_sent_to_the_rest_is_in_no_count(ledger: Ledger) -> None:
    test = await stored(ledger)
    async with ledger.uow() as tx:
        assert await tx.ab_tests.decide(test.id, a_decision())
    item = await ledger.notification(await ledger.user())
    async with ledger.uow() as tx:
        await tx.ab_tests.link([ABLink(item.id, test.id, item.user_id, 1, now())])
        await tx.ab_tests.engaged([item.id], [CLICK], now())
    assert await counts(ledger, test) == {}


async def test_it_is_decided_or_stopped_once(ledger: Ledger) -> None:
    test = await stored(ledger)

    async def decide(name: str, index: int) -> bool:
        async with ledger.uow() as tx:
            return await tx.ab_tests.decide(test.id, a_decision(variant=name, index=index))

    async def stop() -> bool:
        async with ledger.uow() as tx:
            return await tx.ab_tests.stop(test.id, now())

    moves = await asyncio.gather(decide("A", 0), decide("B", 1), stop(), decide("A", 0))
    assert sum(moves) == 1
    async with ledger.uow() as tx:
        ended = await tx.ab_tests.get(test.id)
        assert not await tx.ab_tests.start(test.id, now(), None)
    assert ended is not None
    assert ended.ended_at is not None
    assert (ended.decision is None) == (ended.status is ABTestStatus.STOPPED)
    assert not await stop()


async def test_what_its_workflow_has_to_hear(ledger: Ledger) -> None:
    test = await stored(ledger)
    assert await calls(ledger, test) == [WorkflowCall.START]
    assert await calls(ledger, test, timedelta(minutes=1)) == [], "another relay has it"
    assert await calls(ledger, test) == [WorkflowCall.START], "that relay died"
    async with ledger.uow() as tx:
        await tx.ab_tests.decide(test.id, a_decision())
        await tx.ab_tests.called(test.id, WorkflowCall.START)
    assert await calls(ledger, test, timedelta(minutes=1)) == [WorkflowCall.WAKE]
    async with ledger.uow() as tx:
        await tx.ab_tests.called(test.id, WorkflowCall.WAKE)
    assert await calls(ledger, test) == []


async def test_a_draft_has_no_workflow_until_it_starts(ledger: Ledger) -> None:
    draft = await stored(ledger, status=ABTestStatus.DRAFT, started_at=None, decide_at=None)
    assert await calls(ledger, draft) == []
    async with ledger.uow() as tx:
        assert await tx.ab_tests.start(draft.id, now(), None)
    assert await calls(ledger, draft) == [WorkflowCall.START]
    never = await stored(ledger, status=ABTestStatus.DRAFT)
    async with ledger.uow() as tx:
        assert await tx.ab_tests.stop(never.id, now())
    assert await calls(ledger, never) == []
