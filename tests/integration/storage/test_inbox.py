"""The in-app inbox: numbered without gaps for each user, read once, resumed from any number."""

import asyncio
from datetime import timedelta
from uuid import UUID

from domain.content import Content
from domain.enums import Channel
from domain.paging import Page, PageRequest
from domain.records.inbox import InboxChange, InboxItem
from domain.records.notifications import Notification
from tests.integration.storage.conftest import Ledger, now


async def filled(ledger: Ledger, count: int) -> tuple[str, list[Notification]]:
    user = await ledger.user()
    items = []
    for n in range(count):
        item = await ledger.notification(
            user, Content(title=f"raw {n}", data={"n": n}), channels=(Channel.WEBSOCKET,)
        )
        async with ledger.uow() as tx:
            seq = await tx.inbox.add(user, item.id, now(), title=f"title {n}", body=f"body {n}")
        assert seq == n + 1
        items.append(item)
    return user, items


def seqs(items: tuple[InboxItem, ...]) -> list[int]:
    return [item.seq for item in items]


async def test_the_rendered_words_are_shown_with_the_notifications_data(ledger: Ledger) -> None:
    user, [item] = await filled(ledger, 1)
    async with ledger.uow() as tx:
        page = await tx.inbox.list(user, unread_only=False, page=PageRequest())
    [shown] = page.items
    assert shown.view.notification == item
    assert (shown.view.content.title, shown.view.content.content) == ("title 0", "body 0")
    assert shown.view.content.data == {"n": 0}


async def test_added_again_it_keeps_its_number(ledger: Ledger) -> None:
    user, [first, _] = await filled(ledger, 2)
    async with ledger.uow() as tx:
        assert await tx.inbox.add(user, first.id, now(), title="other", body="other") == 1
        assert await tx.inbox.counts(user) == (2, 2, 2)


async def test_many_at_once_get_every_number_once(ledger: Ledger) -> None:
    user = await ledger.user()
    items = [await ledger.notification(user) for _ in range(20)]

    async def add(item: Notification) -> int:
        async with ledger.uow() as tx:
            return await tx.inbox.add(user, item.id, now(), title=None, body="b")

    assert sorted(await asyncio.gather(*(add(item) for item in items))) == list(range(1, 21))


async def test_pages_go_backwards_without_repeating_while_items_arrive(ledger: Ledger) -> None:
    user, _ = await filled(ledger, 7)
    seen: list[int] = []
    page: Page[InboxItem] | None = None
    while page is None or page.next_cursor is not None:
        async with ledger.uow() as tx:
            page = await tx.inbox.list(
                user, unread_only=False, page=PageRequest(3, page.next_cursor if page else None)
            )
        seen += seqs(page.items)
        item = await ledger.notification(user)
        async with ledger.uow() as tx:
            await tx.inbox.add(user, item.id, now(), title=None, body="later")
    assert seen == [7, 6, 5, 4, 3, 2, 1]


async def test_a_connection_resumes_where_it_was(ledger: Ledger) -> None:
    user, _ = await filled(ledger, 6)
    async with ledger.uow() as tx:
        assert seqs(await tx.inbox.after(user, 2, 3)) == [3, 4, 5]
        assert seqs(await tx.inbox.after(user, 5, 3)) == [6]
        assert await tx.inbox.after(user, 6, 3) == ()


async def test_only_the_last_page_of_what_is_new_is_short(ledger: Ledger) -> None:
    """A connection takes a short page for the last one, however many were removed."""
    user, items = await filled(ledger, 8)
    async with ledger.uow() as tx:
        for item in items[1:5]:
            await tx.inbox.remove(user, item.id)
        assert seqs(await tx.inbox.after(user, 0, 3)) == [1, 6, 7]
        assert seqs(await tx.inbox.after(user, 7, 3)) == [8]


async def test_read_is_counted_once_and_shown_on_the_notification(ledger: Ledger) -> None:
    user, items = await filled(ledger, 4)
    ids, at = [item.id for item in items[:2]], now()

    async def read() -> tuple[UUID, ...]:
        async with ledger.uow() as tx:
            return await tx.inbox.mark_read(user, ids, at)

    answers = await asyncio.gather(read(), read(), read())
    assert sorted(sum(answers, ())) == sorted(ids)
    async with ledger.uow() as tx:
        assert await tx.inbox.counts(user) == (4, 2, 4)
        unread = await tx.inbox.list(user, unread_only=True, page=PageRequest())
        assert seqs(unread.items) == [4, 3]
        view = await tx.notifications.get(ids[0])
        assert await tx.inbox.mark_read("somebody-else", [items[3].id], at) == ()
    assert view is not None
    assert view.notification.read_at == at


async def test_removed_items_are_gone_and_their_number_is_not_given_again(ledger: Ledger) -> None:
    user, items = await filled(ledger, 2)
    async with ledger.uow() as tx:
        assert not await tx.inbox.remove("somebody-else", items[1].id)
        assert await tx.inbox.remove(user, items[1].id)
        assert not await tx.inbox.remove(user, items[1].id)
        assert await tx.inbox.counts(user) == (1, 1, 2)
        assert await tx.inbox.after(user, 1, 10) == ()
    item = await ledger.notification(user)
    async with ledger.uow() as tx:
        assert await tx.inbox.add(user, item.id, now(), title=None, body="b") == 3


async def test_what_many_inboxes_hold_and_what_changed_in_them_is_asked_at_once(
    ledger: Ledger,
) -> None:
    one, [first, second, third] = await filled(ledger, 3)
    other, [theirs] = await filled(ledger, 1)
    empty = await ledger.user()
    before, at = now() - timedelta(seconds=1), now()
    async with ledger.uow() as tx:
        assert await tx.inbox.last_seqs([one, other, empty, "nobody"]) == {one: 3, other: 1}
        assert await tx.inbox.changed_since([one, other], before) == ()
        await tx.inbox.mark_read(one, [first.id], before - timedelta(hours=1))
        await tx.inbox.mark_read(one, [second.id], at)
        await tx.inbox.mark_read(other, [theirs.id], at)
    async with ledger.uow() as tx:
        await tx.inbox.remove(one, third.id)
    async with ledger.uow() as tx:
        changed = await tx.inbox.changed_since([one, empty], before)
        assert changed == (
            InboxChange(one, second.id, removed=False),
            InboxChange(one, third.id, removed=True),
        )
        assert await tx.inbox.changed_since([other], at) == (
            InboxChange(other, theirs.id, removed=False),
        )
