"""Announcements in the database: ordered changes, audiences, and rows only for who read."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID

import asyncpg
import pytest

from domain.announcements import (
    EVERYONE,
    Announcement,
    AnnouncementAudience,
    AnnouncementStatus,
    Change,
    changed,
    status_at,
)
from domain.enums import Channel, Priority
from domain.ids import new_id
from domain.paging import PageRequest
from domain.records import InboxChange
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
    named = AnnouncementAudience(user_ids=("ada", "bob"))
    row = await put(
        ledger, a_row(audience=named, ends_at=now() + HOUR, untold_since=now()), Change.PUBLISHED
    )
    async with ledger.uow() as tx:
        assert await tx.announcements.get(row.id) == row
        after = replace(row, title="N", revision=1, untold_since=None, data={})
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


async def test_who_belongs(ledger: Ledger) -> None:
    users = sorted([await ledger.user() for _ in range(4)])
    async with ledger.uow() as tx:
        await tx.users.delete(users[3])
    named = AnnouncementAudience(user_ids=(users[2], users[0], "nobody", users[3]))
    everyone, some = await put(ledger, a_row()), await put(ledger, a_row(audience=named))
    async with ledger.uow() as tx:
        belongs = tx.membership
        assert await belongs.concerning(users[0], [everyone.id, some.id]) == {everyone.id, some.id}
        assert await belongs.concerning(users[1], [everyone.id, some.id]) == {everyone.id}
        assert await belongs.members(everyone.id, users[:3]) == set(users[:3])
        assert await belongs.members(some.id, users[:3]) == {users[0], users[2]}
        assert await belongs.page(some.id, None, 10) == (users[0], users[2])
        assert await belongs.page(some.id, users[0], 10) == (users[2],)
        assert await belongs.page(some.id, None, 1) == (users[0],)
        assert set(users[:3]) <= set(await belongs.page(everyone.id, None, 1_000))
        assert users[3] not in await belongs.page(everyone.id, None, 1_000)
        assert belongs.supports(named)
        assert not belongs.supports(AnnouncementAudience(segment={"all": []}))


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


async def test_sending_is_moved_on_by_one_attempt_only(ledger: Ledger) -> None:
    row, at = await put(ledger, a_row(), Change.PUBLISHED), now()
    async with ledger.uow() as tx:
        move = tx.announcements.sent_through
        await move(row.id, None, "bob", 2, None)
        await move(row.id, None, "bob", 2, None)
        await move(row.id, "bob", "eve", 1, at)
        await move(row.id, "eve", "zoe", 1, None)
        moved = await tx.announcements.get(row.id)
    assert moved == replace(row, sent_cursor="eve", sent_count=3, sent_at=at)


async def test_which_notifications_are_there_and_open(ledger: Ledger) -> None:
    user, absent = await ledger.user(), new_id()
    waiting = await ledger.notification(user)
    async with ledger.uow() as tx:
        assert await tx.announcements.unknown_notifications([waiting.id, absent]) == {absent}
        assert await tx.announcements.open_notifications([waiting.id, absent]) == (waiting.id,)
