"""What a callback does: receipts, suppressions and engagement, in any order told."""

import itertools
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest

from domain.callbacks import EngagementKind
from domain.enums import Channel, ConsentType, DeliveryStatus, NotificationStatus, Strategy
from domain.ports.callbacks import CallbackStatus
from domain.records.people import Consent
from tests.integration.callbacks.bench import Bench, engagement, number, receipt, telling

S, K = DeliveryStatus, EngagementKind
MINUTE = timedelta(minutes=1)
EMAIL, SMS = Channel.EMAIL, Channel.SMS


@pytest.mark.parametrize(
    ("status", "more", "reason"),
    [
        (S.BOUNCED, {}, "bounced"),
        (S.BOUNCED, {"permanent": False}, None),
        (S.COMPLAINED, {}, "complained"),
        (S.FAILED, {}, None),
        (S.FAILED, {"code": "suppressed"}, "bounced"),
        (S.DELIVERED, {}, None),
    ],
)
async def test_only_a_hard_bounce_or_a_complaint_suppresses(
    bench: Bench, status: DeliveryStatus, more: dict[str, Any], reason: str | None
) -> None:
    user = await bench.user()
    await bench.tell(receipt(await bench.sent(user), status, **more))
    assert await bench.suppressions(EMAIL, f"{user}@example.com") == reason


async def test_a_hard_bounce_after_a_soft_one_suppresses(bench: Bench) -> None:
    user = await bench.user()
    line = await bench.sent(user)
    await bench.tell(receipt(line, S.BOUNCED, permanent=False))
    await bench.tell(receipt(line, S.BOUNCED, 1))
    assert await bench.suppressions(EMAIL, f"{user}@example.com") == "bounced"


@pytest.mark.parametrize("code", ["21610", "opted_out"])
async def test_a_number_that_opted_out_at_the_vendor_is_suppressed(bench: Bench, code: str) -> None:
    phone = number()
    line = await bench.sent(await bench.user(phone=phone), SMS)
    await bench.tell(receipt(line, S.FAILED, code=code))
    assert await bench.suppressions(SMS, phone) == "opted_out"
    assert (await bench.line(line)).status is S.FAILED
    [letter] = await bench.sql(
        "select code from dead_letters where notification_id = $1", line.notification_id
    )
    assert letter["code"] == code


async def test_a_number_that_does_not_exist_is_suppressed_one_that_is_off_is_not(
    bench: Bench,
) -> None:
    for permanent, reason in ((True, "bounced"), (False, None)):
        phone = number()
        line = await bench.sent(await bench.user(phone=phone), SMS)
        await bench.tell(receipt(line, S.FAILED, permanent=permanent))
        assert await bench.suppressions(SMS, phone) == reason


async def test_the_address_the_vendor_names_is_suppressed_not_the_one_since_chosen(
    bench: Bench,
) -> None:
    user = await bench.user()
    old, new = f"{user}@old.example", f"{user}@new.example"
    line = await bench.sent(user)
    async with bench.uow() as tx:
        known = await tx.users.get(user)
        assert known is not None
        await tx.users.put(replace(known, email=new))
    await bench.tell(receipt(line, S.BOUNCED, recipient=old))
    assert await bench.suppressions(EMAIL, old) == "bounced"
    assert await bench.suppressions(EMAIL, new) is None


@pytest.mark.parametrize("order", list(itertools.permutations([S.FAILED, S.DELIVERED, S.SENT])))
async def test_what_arrived_after_all_is_no_dead_letter_in_any_order(
    bench: Bench, order: tuple[DeliveryStatus, ...]
) -> None:
    """Redriving an open letter would send the message again."""
    line = await bench.sent(await bench.user(phone=number()), SMS)
    codes = {S.FAILED: {"code": "30008", "permanent": False}}
    for seconds, status in enumerate(order):
        await bench.tell(receipt(line, status, seconds, **codes.get(status, {})))
    after = await bench.line(line)
    assert (after.status, after.error_code, after.error_message) == (S.DELIVERED, None, None)
    assert (await bench.notification(line)).status is NotificationStatus.DELIVERED
    letters = await bench.sql(
        "select status from dead_letters where notification_id = $1", line.notification_id
    )
    assert {row["status"] for row in letters} <= {"resolved"}


@pytest.mark.parametrize(
    "order", list(itertools.permutations([(S.DELIVERED, 1), (S.COMPLAINED, 3), (K.OPENED, 2)]))
)
async def test_the_first_arrival_is_the_one_shown_in_any_order(
    bench: Bench, order: tuple[tuple[DeliveryStatus | EngagementKind, int], ...]
) -> None:
    line = await bench.sent(await bench.user())
    for kind, seconds in order:
        said = receipt if isinstance(kind, DeliveryStatus) else engagement
        await bench.tell(said(line, kind, seconds))  # type: ignore[arg-type]
    after = await bench.line(line)
    assert after.status is S.COMPLAINED
    assert after.delivered_at == receipt(line, S.DELIVERED, 1).at


async def test_replaying_a_bounce_leaves_a_lifted_suppression_lifted(bench: Bench) -> None:
    user = await bench.user()
    line = await bench.sent(user)
    bounce = await bench.tell(receipt(line, S.BOUNCED))
    events = await bench.events(line)
    await bench.sql("delete from suppressions where user_id = $1", user)
    again = await bench.callbacks.replay(bounce.id, "key:test")
    assert (again.status, again.applied_at) == (CallbackStatus.APPLIED, bounce.applied_at)
    assert await bench.suppressions(EMAIL, f"{user}@example.com") is None
    assert await bench.events(line) == events


async def test_a_notification_with_channels_to_come_keeps_its_status(bench: Bench) -> None:
    line = await bench.sent(await bench.user(), status=NotificationStatus.PROCESSING)
    await bench.tell(receipt(line, S.DELIVERED))
    assert (await bench.notification(line)).status is NotificationStatus.PROCESSING
    assert (await bench.line(line)).status is S.DELIVERED


async def test_an_open_implies_a_delivery_and_ends_an_escalation(bench: Bench) -> None:
    line = await bench.sent(await bench.user(), strategy=Strategy.ESCALATE)
    opened = engagement(line, K.OPENED)
    await bench.tell(opened)
    await bench.tell(opened, opened)
    assert (await bench.line(line)).status is S.DELIVERED
    assert await bench.events(line) == ["notification.delivered", "notification.opened"]
    assert bench.starter.told == [(line.notification_id, "engagement")]
    [signal] = await bench.sql(
        "select kind from workflow_signals where notification_id = $1", line.notification_id
    )
    assert signal["kind"] == "engagement"


async def test_two_clicks_by_a_clock_that_is_behind_are_two(bench: Bench) -> None:
    """Both lie before the notification by the vendor's clock; neither stands for the other."""
    line = await bench.sent(await bench.user())
    for seconds in (-9_000, -8_999, -9_000):
        await bench.hear(telling(engagement(line, K.CLICKED, seconds, "https://jobs.example/a")))
    rows = await bench.sql(
        "select event_type from user_engagement_events where notification_id = $1",
        line.notification_id,
    )
    assert [row["event_type"] for row in rows] == ["clicked", "clicked"]


async def test_an_engagement_seen_by_herald_itself_is_recorded_once(bench: Bench) -> None:
    line = await bench.sent(await bench.user())
    at = bench.now()
    url = "https://jobs.example/apply/7"

    async def record(when: datetime, channel: Channel = EMAIL) -> bool:
        return await bench.engagement.record(line.notification_id, channel, K.CLICKED, when, url)

    assert [await record(at), await record(at), await record(at + MINUTE)] == [True, False, True]
    assert not await record(at, SMS)
    assert not await bench.engagement.record(uuid4(), EMAIL, K.OPENED, at)
    events = await bench.events(line)
    assert events == ["notification.delivered", *["notification.clicked"] * 2]
    assert bench.starter.told == []


async def test_what_a_user_who_refused_tracking_opens_is_not_kept(bench: Bench) -> None:
    user = await bench.user()
    line = await bench.sent(user)
    async with bench.uow() as tx:
        await tx.users.put_consent(
            Consent(user, ConsentType.TRACKING, False, "form", None, bench.now())
        )
    assert not await bench.engagement.record(line.notification_id, EMAIL, K.OPENED, bench.now())
    assert await bench.events(line) == ["notification.delivered"]
    assert await bench.sql("select 1 from user_engagement_events where user_id = $1", user) == []
    assert await bench.engagement.record(line.notification_id, EMAIL, K.UNSUBSCRIBED, bench.now())


async def test_an_instant_out_of_this_world_is_brought_back_into_it(bench: Bench) -> None:
    line = await bench.sent(await bench.user())
    await bench.tell(engagement(line, K.OPENED, -(10**9)))
    told = await bench.tell(receipt(line, S.DELIVERED, 10**6), engagement(line, K.CLICKED, 10**6))
    assert told.status is CallbackStatus.APPLIED
    rows = await bench.sql(
        "select created_at from user_engagement_events where notification_id = $1",
        line.notification_id,
    )
    created = (await bench.notification(line)).created_at
    assert sorted(row["created_at"] for row in rows) == [created, told.received_at]
