"""Announcements in the database: ordered changes, audiences, and rows only for who read."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from itertools import pairwise
from typing import Any
from uuid import UUID

import asyncpg
import orjson
import pytest

from domain.announcements.shapes import (
    EVERYONE,
    Announcement,
    AnnouncementStatus,
    Change,
    changed,
    status_at,
)
from domain.audience.shapes import Audience, AudienceList
from domain.enums import Channel, Priority
from domain.ids import new_id
from domain.paging import PageRequest
from domain.records.inbox import InboxChange
from storage.audience import membership as audience_membership
from tests.integration.storage.conftest import Ledger, now

HOUR = timedelta(hours=1)


@pytest.fixture(autouse=True)
async def empty(sql: asyncpg.Connection) -> AsyncIterator[None]:
    await sql.execute("delete from announcement_reads; delete from announcements")
    yield


def a_row(**fields: Any) -> Announcement:
    at = now()
    given: dict[str, Any] = {
        "id": new_id(), "title": "T", "content": "C", "data": {"a": [1]}, "audience": EVERYONE,
        "channels": (Channel.WEBSOCKET, Channel.EMAIL), "priority": Priority.HIGH,
        "starts_at": at, "ends_at": None, "status": AnnouncementStatus.SCHEDULED,
        "created_at": at, "updated_at": at,
    }  # fmt: skip
    return Announcement(**given | fields)


async def put(ledger: Ledger, row: Announcement, change: Change | None = None) -> Announcement:
    async with ledger.uow() as tx:
        if change is not None:
            row = changed(row, change, await tx.announcements.next_version())
        await tx.announcements.insert(row)
    return row


async def test_a_row_comes_back_as_it_was(ledger: Ledger) -> None:
    named = Audience(user_ids=["ada", "bob"])
    row = await put(
        ledger, a_row(audience=named, ends_at=now() + HOUR, untold_since=now()), Change.PUBLISHED
    )
    async with ledger.uow() as tx:
        assert await tx.announcements.get(row.id) == row
        after = replace(row, title="N", revision=1, untold_since=None, sent_at=now(), data={})
        assert await tx.announcements.lock(row.id) == row
        await tx.announcements.save(after)
        assert await tx.announcements.get(row.id) == after
        assert await tx.announcements.get(new_id()) is None


async def test_a_later_change_is_never_seen_before_an_earlier_one(ledger: Ledger) -> None:
    """A reader who goes on from the last place it saw misses nothing."""
    total = 30
    seen: list[int] = []

    async def write(n: int) -> None:
        async with ledger.uow() as tx:
            version = await tx.announcements.next_version()
            await asyncio.sleep((n % 3) / 500)  # commits take their time
            await tx.announcements.insert(changed(a_row(), Change.PUBLISHED, version))

    async def read() -> None:
        while len(seen) < total:
            async with ledger.uow() as tx:
                news = await tx.announcements.since(seen[-1] if seen else 0, 7)
            seen.extend(item.version or 0 for item in news)

    await asyncio.gather(read(), *(write(n) for n in range(total)))
    assert seen == list(range(1, total + 1))


async def test_the_query_and_the_rule_agree_on_what_is_shown(ledger: Ledger) -> None:
    user, at = await ledger.user(), now()
    instants = [at - 2 * HOUR, at - HOUR, at, at + HOUR]
    rows = [
        await put(ledger, a_row(starts_at=start, ends_at=end, status=status))
        for status in AnnouncementStatus
        for start in instants
        for end in (None, *(instant for instant in instants if instant > start))
    ]
    async with ledger.uow() as tx:
        shown = {item.id for item in await tx.announcements.standing(user, at)}
        assert shown == {r.id for r in rows if status_at(r, at) is AnnouncementStatus.ACTIVE}
        for status in AnnouncementStatus:
            page = await tx.announcements.list(status, at, PageRequest(200))
            assert {i.id for i in page.items} == {r.id for r in rows if status_at(r, at) is status}


async def test_a_row_for_a_user_comes_only_with_reading(
    ledger: Ledger, sql: asyncpg.Connection
) -> None:
    one, other, at = await ledger.user(), await ledger.user(), now()
    first, second = await put(ledger, a_row()), await put(ledger, a_row())
    async with ledger.uow() as tx:
        for user in (one, other):
            shown = await tx.announcements.standing(user, now())
            assert [(n.id, n.read_at) for n in shown] == [(second.id, None), (first.id, None)]
    assert await sql.fetchval("select count(*) from announcement_reads") == 0
    async with ledger.uow() as tx:
        assert await tx.announcements.mark_read(one, [first.id], at) == (first.id,)
        assert await tx.announcements.mark_read(one, [first.id, second.id], at) == (second.id,)
        assert await tx.announcements.mark_read("nobody", [first.id], at) == ()
        assert await tx.announcements.dismiss(one, second.id, at)
        assert not await tx.announcements.dismiss(one, second.id, at)
        assert not await tx.announcements.dismiss("nobody", first.id, at)
        assert [(n.id, n.read_at) for n in await tx.announcements.standing(one, now())] == [
            (first.id, at)
        ]
        changes = await tx.announcements.changed_since([one, other], at)
        assert changes == (InboxChange(one, first.id, False), InboxChange(one, second.id, True))
        assert await tx.announcements.changed_since([one], at + HOUR) == ()
    assert await sql.fetchval("select count(*) from announcement_reads") == 2


def segment(*conditions: dict[str, Any], **shape: Any) -> Audience:
    return Audience.model_validate({"segment": shape or {"all": list(conditions)}})


def has(field: str, value: Any, op: str = "eq", **more: Any) -> dict[str, Any]:
    return {"field": field, "op": op, "value": value, **more}


async def test_who_belongs(ledger: Ledger) -> None:
    users = sorted([await ledger.user() for _ in range(4)])
    listed = AudienceList(new_id(), "a list", 0, 0, 0, now())
    async with ledger.uow() as tx:
        await tx.audience_lists.insert(listed)
        await tx.audience_lists.add(listed.id, [users[1], users[3]])
        await tx.users.delete(users[3])
    rows = [
        await put(ledger, a_row(audience=audience))
        for audience in (
            EVERYONE,
            Audience(user_ids=[users[2], users[0], "nobody"]),
            Audience(list_id=listed.id),
            Audience(list_id=new_id()),
            segment(has("id", users[0])),
            segment(has("id", users[:2], "in"), has("hasEmail", True)),
        )
    ]
    members = [set(users[:3]), {users[0], users[2]}, {users[1]}, set(), {users[0]}, set(users[:2])]
    async with ledger.uow() as tx:
        belongs = tx.membership
        for row, expected in zip(rows, members, strict=True):
            assert await belongs.members(row.id, users[:3]) == expected
            assert await belongs.members(row.id, []) == frozenset()
        for user in users[:3]:
            expected = {row.id for row, some in zip(rows, members, strict=True) if user in some}
            assert await belongs.concerning(user, [row.id for row in rows]) == expected
        moving = [row.id for row in rows[2:]]
        assert await belongs.concerning(users[3], moving) == frozenset()
        assert await belongs.concerning("nobody", moving) == frozenset()
        assert await belongs.members(rows[2].id, [users[3], "nobody"]) == frozenset()
        assert await belongs.members(new_id(), users) == frozenset()
        assert await belongs.concerning(users[0], [new_id()]) == frozenset()


async def test_whoever_comes_to_belong_sees_it_from_then_on(ledger: Ledger) -> None:
    user, at = await ledger.user(attributes={"plan": "free"}), now()
    row = await put(ledger, a_row(audience=segment(has("attributes.plan", "pro"))))
    for plan, expected in (("free", set()), ("pro", {row.id}), ("free", set())):
        async with ledger.uow() as tx:
            known = await tx.users.get(user)
            assert known is not None
            await tx.users.put(replace(known, attributes={"plan": plan}, updated_at=at))
        async with ledger.uow() as tx:
            assert await tx.membership.concerning(user, [row.id]) == expected
            assert await tx.membership.members(row.id, [user]) == ({user} if expected else set())


CONDITIONS = (
    has("country", "DE"), has("attributes.role", "candidate"), has("attributes.level", 3, "gte"),
    has("devices.count", 0), has("engagement.opened.count", 2, "lt", days=30),
    has("subscriptions.newsletter", "never_chosen"), has("consents.marketing", True),
    has("preferences.channels.email.enabled", True), has("createdAt", 7, "withinDays"),
    has("engagement.lastAt", True, "exists"),
)  # fmt: skip


@pytest.mark.parametrize("characters", [1, 700, 6_000])
async def test_asked_together_or_one_by_one_audiences_are_the_same(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch, characters: int
) -> None:
    """All that one user may belong to shares its statement, and its tables."""
    monkeypatch.setattr(audience_membership, "_STATEMENT_CHARACTERS", characters)
    users = [
        await ledger.user(country=country, attributes={"role": "candidate", "level": level})
        for country in ("DE", "BR")
        for level in (1, 5)
    ]
    audiences = [segment(**{"not": one}) for one in CONDITIONS]
    audiences += [segment(one, other) for one, other in pairwise(CONDITIONS)]
    rows = [await put(ledger, a_row(audience=audience)) for audience in audiences]
    async with ledger.uow() as tx:
        for user in users:
            mine = [await tx.audiences.belongs(audience, [user]) for audience in audiences]
            expected = {row.id for row, found in zip(rows, mine, strict=True) if found}
            assert expected
            assert await tx.membership.concerning(user, [row.id for row in rows]) == expected


async def test_statements_are_short_enough_to_be_kept_prepared() -> None:
    """By asyncpg, which parses a longer one each time."""
    longest = 15 * 1024
    texts = {
        new_id(): orjson.dumps(segment(*CONDITIONS[place:], *CONDITIONS[:place]).wire()).decode()
        for place in range(len(CONDITIONS))
        for _ in range(3)
    }
    statements = [
        audience_membership._statement(tuple(some.values()))[0]
        for some in audience_membership._slices(texts)
    ]
    assert 1 < len(statements) < len(texts)
    assert max(map(len, statements)) < longest


async def test_the_widest_audiences_fit_their_statements(ledger: Ledger) -> None:
    """Two hundred conditions of ten names each, in every one of many announcements."""
    path = ".".join("abcdefghij")
    wide = segment(*[has(f"attributes.{path}", 1, "gt")] * 200)
    rows = [await put(ledger, a_row(audience=wide)) for _ in range(20)]
    user = await ledger.user()
    async with ledger.uow() as tx:
        assert await tx.membership.concerning(user, [row.id for row in rows]) == frozenset()


async def test_what_is_owed_or_overdue_is_claimed_by_one(ledger: Ledger) -> None:
    at = now()
    owed = await put(ledger, a_row(untold_since=at - HOUR, starts_at=at + HOUR))
    late = await put(ledger, a_row(starts_at=at - HOUR))
    over = await put(ledger, a_row(starts_at=at - 2 * HOUR, ends_at=at - HOUR), Change.PUBLISHED)
    told = await put(ledger, a_row(starts_at=at - HOUR, ends_at=at + HOUR), Change.PUBLISHED)
    gone = await put(ledger, a_row(untold_since=at - HOUR), Change.WITHDRAWN)

    async def claim() -> tuple[UUID, ...]:
        async with ledger.uow() as tx:
            return await tx.announcements.claim_untold(older_than=at, again_before=at, limit=10)

    claims = await asyncio.gather(*(claim() for _ in range(4)))
    taken = [item for claimed in claims for item in claimed]
    assert sorted(taken) == sorted([owed.id, late.id, over.id, gone.id])
    assert told.id not in taken
    assert await claim() == ()
