"""Notification rows: reading, changing under the lock, pages that do not shift, the relay."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from domain.content import Content
from domain.enums import Channel, NotificationStatus
from domain.paging import Page, PageRequest
from domain.ports.notifications import NotificationFilter
from domain.records.notifications import NotificationView
from tests.integration.storage.conftest import Ledger, now

HOUR = timedelta(hours=1)


async def test_a_row_comes_back_as_it_went(ledger: Ledger) -> None:
    item = await ledger.notification(
        await ledger.user(),
        scheduled_at=now() + HOUR, expires_at=now() + 2 * HOUR, escalate_after=HOUR / 4,
        dedup_key="d", digest_key="g", template_key="t", template_version=3, template_locale="de",
        channels=(Channel.SMS, Channel.EMAIL),
    )  # fmt: skip
    async with ledger.uow() as tx:
        view = await tx.notifications.get(item.id)
        locked = await tx.notifications.lock(item.id)
    assert view is not None
    assert view.notification == locked == item


async def test_amending_bumps_the_revision(ledger: Ledger) -> None:
    item = await ledger.notification(await ledger.user())
    changed = replace(item, channels=(Channel.PUSH,), scheduled_at=now() + HOUR)
    async with ledger.uow() as tx:
        await tx.notifications.lock(item.id)
        await tx.notifications.amend(changed, Content(title="Other", content="Words"))
        view = await tx.notifications.get(item.id)
    assert view is not None
    assert view.content.title == "Other"
    assert view.notification == replace(changed, revision=1)


async def test_status_cancel_send_now_and_redrive(ledger: Ledger) -> None:
    item = await ledger.notification(await ledger.user())
    async with ledger.uow() as tx:
        await tx.notifications.set_status(
            item.id, NotificationStatus.SCHEDULED, reason="quiet_hours", until=now() + HOUR
        )
        await tx.notifications.request_cancel(item.id, now())
        await tx.notifications.set_send_now(item.id)
        changed = await tx.notifications.lock(item.id)
        assert changed is not None
        assert (changed.status, changed.reason) == (NotificationStatus.SCHEDULED, "quiet_hours")
        assert changed.cancel_requested_at is not None
        assert (changed.send_now, changed.revision) == (True, 1)
        assert await tx.notifications.reset_for_redrive(item.id) == 1
        again = await tx.notifications.lock(item.id)
    assert again is not None
    assert (again.status, again.reason, again.until) == (NotificationStatus.ACCEPTED, None, None)
    assert (again.cancel_requested_at, again.first_intent_at) == (None, None)


async def test_the_lock_makes_the_second_wait_for_the_first(ledger: Ledger) -> None:
    item = await ledger.notification(await ledger.user())
    order: list[str] = []
    held = asyncio.Event()

    async def first() -> None:
        async with ledger.uow() as tx:
            await tx.notifications.lock(item.id)
            held.set()
            await asyncio.sleep(0.1)
            order.append("first")

    async def second() -> None:
        await held.wait()
        async with ledger.uow() as tx:
            await tx.notifications.lock(item.id)
            order.append("second")

    await asyncio.gather(first(), second())
    assert order == ["first", "second"]


@pytest.mark.parametrize(
    ("where", "found"),
    [
        ({}, {0, 1, 2, 3}),
        ({"type": "job_match"}, {0}),
        ({"status": NotificationStatus.SENT}, {1}),
        ({"channel": Channel.SMS}, {2}),
        ({"channel": Channel.EMAIL, "status": NotificationStatus.ACCEPTED}, {0, 3}),
        ({"created_after": -2.5}, {0, 1, 2}),
        ({"created_before": -2.5}, {3}),
        ({"created_after": -2.5, "created_before": -0.5, "type": "application_update"}, {1, 2}),
    ],
)
async def test_filters_narrow_a_list(
    ledger: Ledger, where: dict[str, Any], found: set[int]
) -> None:
    user, at = await ledger.user(), now()
    given: list[dict[str, Any]] = [
        {"type": "job_match"},
        {"status": NotificationStatus.SENT},
        {"channels": (Channel.SMS,)},
        {},
    ]
    items = [
        await ledger.notification(user, created_at=at - n * HOUR, **fields)
        for n, fields in enumerate(given)
    ]
    moments = {k: at + v * HOUR if isinstance(v, float) else v for k, v in where.items()}
    async with ledger.uow() as tx:
        page = await tx.notifications.list(
            NotificationFilter(user_id=user, **moments), PageRequest()
        )
    assert {view.notification.id for view in page.items} == {items[n].id for n in found}
    assert page.next_cursor is None


async def test_pages_neither_repeat_nor_miss_while_rows_are_added(ledger: Ledger) -> None:
    user, at = await ledger.user(), now()
    items = [await ledger.notification(user, created_at=at - (n // 3) * HOUR) for n in range(10)]
    seen: list[NotificationView] = []
    page: Page[NotificationView] | None = None
    while page is None or page.next_cursor is not None:
        request = PageRequest(3, page.next_cursor if page else None)
        async with ledger.uow() as tx:
            page = await tx.notifications.list(NotificationFilter(user_id=user), request)
        seen += page.items
        await ledger.notification(user, created_at=now() + HOUR)
    ids = [view.notification.id for view in seen]
    assert ids == [i.id for i in sorted(items, key=lambda i: (i.created_at, i.id), reverse=True)]


async def test_upcoming_lists_what_waits_soonest_first(ledger: Ledger) -> None:
    user, at = await ledger.user(), now()
    later = await ledger.notification(user, scheduled_at=at + 3 * HOUR)
    soon = await ledger.notification(
        user, status=NotificationStatus.SCHEDULED, until=at + HOUR, scheduled_at=at + 9 * HOUR
    )
    middle = await ledger.notification(user, scheduled_at=at + 2 * HOUR)
    await ledger.notification(user, status=NotificationStatus.SENT)
    async with ledger.uow() as tx:
        first = await tx.notifications.upcoming(user, PageRequest(2))
        rest = await tx.notifications.upcoming(user, PageRequest(2, first.next_cursor))
        waiting = await tx.users.open_notifications(user)
    assert [v.notification.id for v in first.items] == [soon.id, middle.id]
    assert [v.notification.id for v in rest.items] == [later.id]
    assert rest.next_cursor is None
    assert {item for item, _ in waiting} == {soon.id, middle.id, later.id}


async def test_each_unstarted_row_is_claimed_by_one_relay(ledger: Ledger) -> None:
    user, long_ago = await ledger.user(), now() - HOUR
    items = [await ledger.notification(user, updated_at=long_ago) for _ in range(40)]
    fresh = await ledger.notification(user)
    started = await ledger.notification(user, updated_at=long_ago)
    async with ledger.uow() as tx:
        await tx.notifications.mark_started([started.id])

    async def relay() -> list[Any]:
        async with ledger.uow() as tx:
            claimed = await tx.notifications.claim_unstarted(
                older_than=now() - timedelta(seconds=5), again_before=now() - HOUR, limit=10
            )
            await asyncio.sleep(0.05)
        return [item for item, _ in claimed]

    batches = await asyncio.gather(*(relay() for _ in range(6)))
    claimed = [item for batch in batches for item in batch]
    assert len(claimed) == len(set(claimed))
    assert set(claimed) == {item.id for item in items}
    assert fresh.id not in claimed
    async with ledger.uow() as tx:
        again = await tx.notifications.claim_unstarted(
            older_than=now(), again_before=now() + HOUR, limit=100
        )
    assert {item.id for item in items} <= {item for item, _ in again}


async def test_deleting_hides_a_notification_everywhere(ledger: Ledger) -> None:
    user = await ledger.user()
    gone, kept = await ledger.notification(user), await ledger.notification(user)
    async with ledger.uow() as tx:
        await tx.inbox.add(user, gone.id, now(), title=None, body="B")
        assert await tx.notifications.delete([gone.id]) == 1
        assert await tx.notifications.delete([gone.id]) == 0
        assert await tx.notifications.get(gone.id) is None
        page = await tx.notifications.list(NotificationFilter(user_id=user), PageRequest())
        assert [view.notification.id for view in page.items] == [kept.id]
        assert await tx.inbox.counts(user) == (0, 0, 1)
