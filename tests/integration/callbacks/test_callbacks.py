"""Callbacks on a real database: any order, any number of times, from anyone at once, one end."""

import asyncio
import random
from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta
from uuid import uuid4

import pytest

from domain.callbacks import Confirmation, Engagement, EngagementKind, Receipt
from domain.enums import Channel, DeliveryStatus
from domain.errors import Invalid, NotFound, Unauthorized
from domain.paging import PageRequest
from domain.ports.callbacks import CallbackStatus
from domain.records.notifications import Delivery
from services.feedback.callbacks import AGAIN_AFTER
from tests.integration.callbacks.bench import Bench, engagement, receipt, telling

S, K = DeliveryStatus, EngagementKind
MINUTE = timedelta(minutes=1)
EMAIL, SMS = Channel.EMAIL, Channel.SMS
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


async def assert_told(bench: Bench, user: str, line: Delivery, mine: list[Said]) -> None:
    """The delivery is where what was said of it leaves it, and so is all that follows from it."""
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
        await assert_told(bench, user, line, told[str(line.id)])
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
