"""Callbacks on a real database: any order, any number of times, from anyone at once, one end."""

import asyncio
import itertools
import random
from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest

from domain.callbacks import Confirmation, Engagement, EngagementKind, Receipt
from domain.enums import Channel, ConsentType, DeliveryStatus, NotificationStatus, Strategy
from domain.errors import Invalid, NotFound, Unauthorized
from domain.paging import PageRequest
from domain.ports.callbacks import CallbackStatus
from domain.records.notifications import Delivery
from domain.records.people import Consent
from services.feedback.callbacks import AGAIN_AFTER
from storage.uow import SqlUnitOfWork
from tests.integration.callback_bench import Bench, engagement, receipt, telling

S, K = DeliveryStatus, EngagementKind
MINUTE = timedelta(minutes=1)
EMAIL, SMS = Channel.EMAIL, Channel.SMS


@pytest.fixture
def bench(uow: SqlUnitOfWork) -> Bench:
    return Bench(uow, f"vendor{uuid4().hex[:8]}")


def number() -> str:
    return f"+49151{uuid4().int % 10**8:08d}"


Said = Receipt | Engagement


def expected_end(said: Iterable[Said]) -> DeliveryStatus:
    """Where a delivery ends by what was said of it, told without the rules under test."""
    words = {one.status.value if isinstance(one, Receipt) else "delivered" for one in said}
    for word in ("complained", "bounced", "delivered", "failed"):
        if word in words:
            return DeliveryStatus(word)
    return S.SENT


def some_callbacks(lines: list[Delivery], dice: random.Random) -> dict[str, list[Said]]:
    """Five for each line, each line with a story of its own."""
    told: dict[str, list[Said]] = {}
    kinds = [S.SENT, S.DELIVERED, K.OPENED, K.CLICKED, S.BOUNCED, S.COMPLAINED, S.FAILED]
    for line in lines:
        mine: list[Said] = []
        for step, kind in enumerate(dice.choices(kinds, weights=[4, 6, 4, 3, 1, 1, 1], k=5)):
            if isinstance(kind, DeliveryStatus):
                mine.append(receipt(line, kind, step, code=f"code-{step}"))
            else:
                mine.append(engagement(line, kind, step, "https://jobs.example/a"))
        told[str(line.id)] = mine
    return told


async def test_a_thousand_shuffled_callbacks_with_repeats_leave_each_delivery_right(
    bench: Bench,
) -> None:
    dice = random.Random(4)
    users = [await bench.user() for _ in range(200)]
    lines = [await bench.sent(user) for user in users]
    told = some_callbacks(lines, dice)
    bodies = [telling(one) for mine in told.values() for one in mine]
    assert len(bodies) == 1000
    heard = [*bodies, *dice.choices(bodies, k=400)]
    dice.shuffle(heard)

    async def listen(share: list[bytes]) -> None:
        for body in share:
            await bench.hear(body)

    await asyncio.gather(*(listen(heard[start::8]) for start in range(8)))
    bench.later = 2 * MINUTE
    while await bench.callbacks.run_once():
        bench.later += 2 * MINUTE

    for user, line in zip(users, lines, strict=True):
        mine = told[str(line.id)]
        after = await bench.line(line)
        end = expected_end(mine)
        assert after.status is end, mine
        status = (await bench.notification(line)).status
        named = {S.DELIVERED: "delivered", S.FAILED: "failed"}.get(end, "sent")
        assert status.value == named
        bad = end in {S.BOUNCED, S.COMPLAINED}
        held = await bench.suppressions(EMAIL, f"{user}@example.com")
        assert held == (end.value if bad else None)
        seen = {one for one in mine if isinstance(one, Engagement)}
        rows = await bench.sql(
            "select event_type from user_engagement_events where notification_id = $1",
            line.notification_id,
        )
        assert sorted(row["event_type"] for row in rows) == sorted(one.kind for one in seen)
        events = await bench.events(line)
        for kind in (K.OPENED, K.CLICKED):
            assert events.count(f"notification.{kind}") == sum(one.kind is kind for one in seen)
        assert events.count("notification.delivered") <= 1
    kept = await bench.sql(
        "select status, count(*) as rows from provider_callbacks where provider = $1 group by 1",
        bench.vendor.name,
    )
    assert {row["status"]: row["rows"] for row in kept} == {"applied": 1000}


async def test_forged_and_repeated_callbacks_change_nothing(bench: Bench) -> None:
    line = await bench.sent(await bench.user())
    body = telling(receipt(line, S.BOUNCED))
    before = await bench.counts()
    for signature in ("forged", ""):
        with pytest.raises(Unauthorized):
            await bench.hear(body, signature)
    with pytest.raises(NotFound):
        await bench.callbacks.receive("pigeon", {"signature": "good"}, body, "")
    assert await bench.counts() == before
    assert (await bench.line(line)).status is S.SENT

    first = await bench.hear(body)
    assert first is not None
    once = await bench.counts()
    assert once != before
    stored = await bench.callback(first)
    for _ in range(3):
        assert await bench.hear(body) is None
    assert await bench.counts() == once
    assert await bench.callback(first) == stored


async def test_a_signed_body_that_cannot_be_read_is_kept_and_replayed_when_it_can(
    bench: Bench,
) -> None:
    for _ in range(2):
        with pytest.raises(Invalid):
            await bench.hear(b"\xffnonsense")
    [row] = await bench.sql(
        "select id, status, error from provider_callbacks where provider = $1", bench.vendor.name
    )
    assert (row["status"], row["error"]) == ("failed", "invalid_webhook")
    still = await bench.callbacks.replay(row["id"], "key:test")
    assert still.error == "invalid_webhook"
    bench.vendor.parse_webhook = lambda body: ()  # type: ignore[method-assign]
    mended = await bench.callbacks.replay(row["id"], "key:test")
    assert (mended.status, mended.error) == (CallbackStatus.APPLIED, None)
    async with bench.uow() as tx:
        newest = (await tx.operations.audit_log(PageRequest(1))).items[0]
    assert (newest.action, newest.subject) == ("callback.replayed", f"callback:{row['id']}")
    with pytest.raises(NotFound):
        await bench.callbacks.replay(uuid4(), "key:test")


async def test_what_a_process_that_died_had_kept_is_applied_once_by_another(bench: Bench) -> None:
    line = await bench.sent(await bench.user())
    kept = await bench.callbacks.receive(
        bench.vendor.name, {"signature": "good"}, telling(receipt(line, S.DELIVERED)), ""
    )
    assert kept is not None
    assert await bench.status(kept) is CallbackStatus.RECEIVED
    assert (await bench.line(line)).status is S.SENT
    bench.later = AGAIN_AFTER[0] + timedelta(seconds=1)
    done = await asyncio.gather(*(bench.callbacks.run_once() for _ in range(4)))
    assert sorted(done) == [0, 0, 0, 1]
    await asyncio.gather(*(bench.callbacks.apply(kept) for _ in range(4)))
    assert await bench.status(kept) is CallbackStatus.APPLIED
    assert (await bench.line(line)).status is S.DELIVERED
    assert (await bench.events(line)).count("notification.delivered") == 1


async def test_one_that_overtakes_the_record_of_its_send_waits_for_it(bench: Bench) -> None:
    line = await bench.sent(await bench.user(), message=None)
    message = f"m-{line.id}"
    early = await bench.tell(receipt(replace(line, provider_message_id=message), S.DELIVERED))
    assert early.status is CallbackStatus.RECEIVED
    bench.later += AGAIN_AFTER[0] + timedelta(seconds=1)
    assert await bench.callbacks.run_once() == 1
    assert await bench.status(early.id) is CallbackStatus.RECEIVED
    await bench.recorded(line, message)
    bench.later += AGAIN_AFTER[1] + timedelta(seconds=1)
    assert await bench.callbacks.run_once() == 1
    assert await bench.status(early.id) is CallbackStatus.APPLIED
    assert (await bench.line(line)).status is S.DELIVERED


async def test_one_about_nobodys_message_is_ignored_in_the_end(bench: Bench) -> None:
    line = await bench.sent(await bench.user())
    stranger = await bench.tell(
        receipt(replace(line, provider_message_id="of-another-program"), S.DELIVERED)
    )
    for wait in AGAIN_AFTER:
        assert await bench.status(stranger.id) is CallbackStatus.RECEIVED
        assert await bench.callbacks.run_once() == 0
        bench.later += wait + timedelta(seconds=1)
        assert await bench.callbacks.run_once() == 1
    after = await bench.callback(stranger.id)
    assert (after.status, after.error) == (CallbackStatus.IGNORED, "unknown_message")
    assert after.attempts == len(AGAIN_AFTER) + 1


async def test_the_effects_and_the_mark_that_says_so_are_one(bench: Bench) -> None:
    """The second receipt cannot be stored: nothing of the first is, until the last try is over."""
    first, second = [await bench.sent(await bench.user()) for _ in range(2)]
    torn = await bench.tell(
        receipt(first, S.BOUNCED), receipt(second, S.BOUNCED, message="\x00 no text")
    )
    assert torn.status is CallbackStatus.RECEIVED
    assert torn.error is not None
    for wait in AGAIN_AFTER:
        bench.later += wait + timedelta(seconds=1)
        await bench.callbacks.run_once()
    assert await bench.status(torn.id) is CallbackStatus.FAILED
    for line in (first, second):
        assert (await bench.line(line)).status is S.SENT
        assert await bench.events(line) == []


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


async def test_a_vendors_question_is_answered_before_it_counts_as_applied(bench: Bench) -> None:
    asked = await bench.tell(Confirmation("https://sns.eu-central-1.amazonaws.com/?confirm"))
    assert asked.status is CallbackStatus.APPLIED
    assert bench.vendor.confirmed == ["https://sns.eu-central-1.amazonaws.com/?confirm"]
    refused = await bench.tell(Confirmation("https://refused.test"))
    assert (refused.status, refused.error) == (CallbackStatus.RECEIVED, "confirmation_refused")


async def test_old_callbacks_are_forgotten(bench: Bench) -> None:
    line = await bench.sent(await bench.user())
    told = await bench.tell(receipt(line, S.DELIVERED))
    assert await bench.callbacks.forget_callbacks(told.received_at - MINUTE) == 0
    assert await bench.callbacks.forget_callbacks(told.received_at + MINUTE) >= 1
    assert await bench.sql("select 1 from provider_callbacks where id = $1", told.id) == []
