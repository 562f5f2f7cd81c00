"""Users, their choices and devices; and that erasing one leaves nothing of them."""

import asyncio
from dataclasses import replace
from datetime import time, timedelta

import asyncpg
import pytest

from domain.enums import (
    Category,
    Channel,
    ConsentType,
    DeliveryMode,
    Platform,
    PushVendor,
    Weekday,
    WhenExceeded,
)
from domain.errors import NotFound
from domain.facts import Usage
from domain.ids import new_id
from domain.paging import Page, PageRequest
from domain.preferences import (
    Caps,
    CategoryPreference,
    ChannelPreference,
    Frequency,
    Preferences,
    QuietHours,
)
from domain.records.people import Consent, Device, Subscription, Suppression, User
from tests.integration.storage.conftest import Ledger, a_user, now


async def test_a_user_comes_back_and_is_replaced_whole(ledger: Ledger) -> None:
    first = a_user(
        email_verified=True, phone="+4915112345678", name="Ada", locale="de",
        timezone="Europe/Berlin", country="DE", attributes={"role": "candidate", "n": [1, None]},
    )  # fmt: skip
    second = User(first.id, now(), now(), email="other@example.com")
    async with ledger.uow() as tx:
        assert await tx.users.put(first) == first
        assert await tx.users.get(first.id) == first
        assert await tx.users.put(second) == replace(second, created_at=first.created_at)
        assert await tx.users.get(first.id) == replace(second, created_at=first.created_at)
        assert await tx.users.get("nobody") is None


async def test_twenty_first_writes_at_once_make_one_key(ledger: Ledger) -> None:
    user = a_user()

    async def put(n: int) -> None:
        async with ledger.uow() as tx:
            await tx.users.put(replace(user, name=f"name {n}"))

    await asyncio.gather(*(put(n) for n in range(20)))
    async with ledger.uow() as tx:
        found = await tx.users.get(user.id)
    assert found is not None
    assert found.email == user.email
    assert found.name is not None
    assert found.name.startswith("name ")


async def test_writing_and_erasing_at_once_leaves_a_whole_user_or_none(ledger: Ledger) -> None:
    for n in range(30):
        user = a_user(f"torn-{n}")
        async with ledger.uow() as tx:
            await tx.users.put(user)

        async def put(user: User = user, rest: float = n % 6 * 0.001) -> None:
            await asyncio.sleep(rest)
            async with ledger.uow() as tx:
                await tx.users.put(replace(user, name="after"))

        async def erase(user: User = user) -> None:
            await asyncio.sleep(0.002)
            async with ledger.uow() as tx:
                await tx.users.delete(user.id)

        await asyncio.gather(put(), erase())
        async with ledger.uow() as tx:
            found = await tx.users.get(user.id)
        assert found is None or (found.email, found.name) == (user.email, "after")


async def test_pages_of_users_hold_each_once(ledger: Ledger) -> None:
    at = now() + timedelta(days=1)
    ids = [f"paged-{n}" for n in range(7)]
    for n, user_id in enumerate(ids):
        async with ledger.uow() as tx:
            await tx.users.put(replace(a_user(user_id), created_at=at + timedelta(hours=n // 2)))
    seen: list[str] = []
    page: Page[User] | None = None
    while page is None or (page.next_cursor is not None and len(seen) < 7):
        async with ledger.uow() as tx:
            page = await tx.users.list(PageRequest(2, page.next_cursor if page else None))
        seen += [user.id for user in page.items]
    assert seen[:7] == sorted(ids, reverse=True)


async def test_preferences_are_defaults_until_chosen(ledger: Ledger) -> None:
    user = await ledger.user()
    async with ledger.uow() as tx:
        assert await tx.users.preferences(user) == Preferences(user_id=user)
        with pytest.raises(NotFound):
            await tx.users.preferences("nobody")


async def test_every_choice_comes_back(ledger: Ledger, sql: asyncpg.Connection) -> None:
    user = await ledger.user()
    chosen = Preferences(
        user_id=user, language="pt-BR", timezone="Africa/Lagos",
        channels={
            Channel.EMAIL: ChannelPreference(enabled=False),
            Channel.SMS: ChannelPreference(enabled=True),
        },
        quiet_hours=QuietHours(
            enabled=True, start=time(23, 30), end=time(6, 15), timezone="Asia/Tokyo",
            days=frozenset({Weekday.SAT, Weekday.SUN}), channels=frozenset({Channel.PUSH}),
        ),
        frequency=Frequency(
            max_per_day=20, categories={Category.JOBS: Caps(max_per_day=5)},
            when_exceeded=WhenExceeded.DROP,
        ),
        categories={
            Category.JOBS: CategoryPreference(
                channels=frozenset({Channel.EMAIL}), delivery=DeliveryMode.DAILY
            ),
            Category.MARKETING: CategoryPreference(enabled=False),
        },
        optimize_timing=True, automatic_optimization=True,
    )  # fmt: skip
    async with ledger.uow() as tx:
        await tx.users.put_preferences(Preferences(user_id=user, language="xx"), now())
        await tx.users.put_preferences(chosen, now())
        assert await tx.users.preferences(user) == chosen
    row = await sql.fetchrow(
        "select email_enabled, sms_enabled, push_enabled, websocket_enabled"
        " from user_notification_preferences where user_id = $1",
        user,
    )
    assert tuple(row) == (False, True, None, None)


async def test_consents_keep_their_history(ledger: Ledger, sql: asyncpg.Connection) -> None:
    user, at = await ledger.user(), now()
    given = Consent(user, ConsentType.MARKETING, True, "form", "I agree.", at)
    taken = replace(given, granted=False, source="unsubscribe", at=at + timedelta(hours=1))
    async with ledger.uow() as tx:
        for consent in (given, taken):
            await tx.users.put_consent(consent)
        assert await tx.users.consents(user) == (taken,)
    rows = await sql.fetch(
        "select granted, source, at from consent_history where user_id = $1 order by at", user
    )
    assert [tuple(row) for row in rows] == [
        (True, "form", at), (False, "unsubscribe", at + timedelta(hours=1)),
    ]  # fmt: skip


async def test_subscriptions_are_replaced_by_type(ledger: Ledger) -> None:
    user = await ledger.user()
    both = Subscription(user, "job_alert", (Channel.EMAIL, Channel.PUSH), now())
    none = replace(both, channels=())
    other = Subscription(user, "digest", (Channel.EMAIL,), now())
    async with ledger.uow() as tx:
        for item in (both, none, other):
            await tx.users.put_subscription(item)
        assert await tx.users.subscriptions(user) == (other, none)


def a_device(user_id: str, token: str) -> Device:
    return Device(new_id(), user_id, token, Platform.ANDROID, PushVendor.FIREBASE, now(), now())


async def test_a_token_belongs_to_whoever_registered_it_last(ledger: Ledger) -> None:
    ada, bob = await ledger.user(), await ledger.user()
    first, second = a_device(ada, "one-phone"), a_device(bob, "one-phone")
    async with ledger.uow() as tx:
        assert await tx.devices.register(first) == first
        moved = await tx.devices.register(second)
        assert (moved.id, moved.user_id, moved.token) == (first.id, bob, "one-phone")
        assert await tx.devices.list(ada) == ()
        assert await tx.devices.list(bob) == (moved,)
        with pytest.raises(NotFound):
            await tx.devices.register(a_device("nobody", "t"))


async def test_a_refreshed_token_keeps_its_device(ledger: Ledger) -> None:
    user = await ledger.user()
    old, other = a_device(user, "old-token"), a_device(user, "other-token")
    async with ledger.uow() as tx:
        for device in (old, other):
            await tx.devices.register(device)
        fresh = replace(old, token="new-token", app_version="2")
        assert await tx.devices.replace_token(user, "old-token", fresh) == fresh
        assert await tx.devices.replace_token(user, "old-token", fresh) is None
        merged = replace(fresh, token="other-token")
        assert await tx.devices.replace_token(user, "new-token", merged) == merged
        assert await tx.devices.list(user) == (merged,)
        assert not await tx.devices.remove("nobody", "other-token")
        assert await tx.devices.remove(user, "other-token")
        assert not await tx.devices.remove_by_id(old.id)


async def test_erasing_leaves_bare_lines_and_no_address(
    ledger: Ledger, sql: asyncpg.Connection
) -> None:
    user = await ledger.user(
        phone="+4915112345678", name="Ada", timezone="Europe/Berlin", attributes={"role": "x"}
    )
    item = await ledger.notification(user)
    async with ledger.uow() as tx:
        await tx.devices.register(a_device(user, "erased-token"))
        await tx.users.put_preferences(Preferences(user_id=user), now())
        await tx.users.put_consent(Consent(user, ConsentType.SMS, True, "form", None, now()))
        await tx.users.put_subscription(Subscription(user, "digest", (), now()))
        await tx.planning.reserve_usage(user, [Usage(item.id, Category.JOBS, Channel.EMAIL, now())])
        await tx.operations.suppress(
            Suppression(new_id(), Channel.SMS, "stop", "t", now(), user, "+4915112345678")
        )
        assert await tx.users.delete(user)
        assert not await tx.users.delete(user)
        assert await tx.users.get(user) is None
    left = set()
    for table in (
        "user_keys", "user_devices", "user_notification_preferences", "consents",
        "consent_history", "subscriptions", "frequency_usage", "suppressions", "notifications",
    ):  # fmt: skip
        if await sql.fetchval(f"select count(*) from {table} where user_id = $1", user):
            left.add(table)
    assert left == {"notifications"}
    bare = await sql.fetchrow("select * from users where id = $1", user)
    named = {name for name, value in bare.items() if value is not None}
    assert named == {
        "id", "email_verified", "attributes", "created_at", "updated_at", "deleted_at",
    }  # fmt: skip
    assert bare["attributes"] == "{}"
    async with ledger.uow() as tx:
        found = await tx.planning.load(item.id)
        page = await tx.operations.suppressions(PageRequest(200))
    assert found is not None
    assert found.reach[Channel.EMAIL].targets == 0
    [kept] = [s for s in page.items if s.reason == "stop"]
    assert (kept.user_id, kept.address) == (None, None)
