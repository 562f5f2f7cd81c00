"""The ledger: what an intent may move, what a result may, what a receipt may; and every race."""

import asyncio
import itertools
import random
from collections import Counter
from datetime import timedelta

import asyncpg
import pytest

from domain.content import Content
from domain.enums import Channel, DeliveryStatus, NotificationStatus, Platform, PushVendor
from domain.ids import new_id
from domain.ports.deliveries import AttemptResult
from domain.records.notifications import Delivery
from domain.records.operations import DeadLetter, PausedPart
from domain.records.people import Device, Suppression
from tests.integration.storage.conftest import Ledger, now

S = DeliveryStatus


def result(line: Delivery, status: DeliveryStatus = S.SENT, **fields: object) -> AttemptResult:
    given: dict[str, object] = {"outcome": "accepted", "provider": "resend", "at": now()} | fields
    return AttemptResult(delivery_id=line.id, status=status, **given)  # type: ignore[arg-type]


async def sending(ledger: Ledger) -> Delivery:
    line = await ledger.delivery(await ledger.notification(await ledger.user()))
    async with ledger.uow() as tx:
        await tx.deliveries.write_intent(line.notification_id, {line.id: "resend"}, now())
    return line


async def stored(ledger: Ledger, line: Delivery) -> Delivery:
    async with ledger.uow() as tx:
        [found] = [d for d in await tx.deliveries.of(line.notification_id) if d.id == line.id]
    return found


async def test_a_job_brings_all_that_its_channel_needs(ledger: Ledger) -> None:
    user = await ledger.user(phone="+4915112345678", name="Ada", locale="de")
    item = await ledger.notification(user, Content(title="T", content="C", data={"a": 1}))
    email = await ledger.delivery(item)
    await ledger.delivery(item, channel=Channel.SMS)
    devices = [
        Device(new_id(), user, f"{user}-{p}", p, PushVendor.FIREBASE, now(), now(), locale="fr")
        for p in (Platform.IOS, Platform.WEB)
    ]
    async with ledger.uow() as tx:
        for device in devices:
            await tx.devices.register(device)
        await tx.operations.suppress(
            Suppression(new_id(), Channel.PUSH, "gone", "t", now(), None, devices[1].token)
        )
        await tx.operations.suppress(
            Suppression(new_id(), Channel.SMS, "stop", "t", now(), None, "+4915112345678")
        )
        await tx.operations.pause(PausedPart("provider:twilio", now()))
        jobs = {channel: await tx.deliveries.load_job(item.id, channel) for channel in Channel}
        await tx.operations.resume("provider:twilio")
        assert await tx.deliveries.load_job(new_id(), Channel.EMAIL) is None
    job = jobs[Channel.EMAIL]
    assert job is not None
    assert (job.notification, job.deliveries, job.content.data) == (item, (email,), {"a": 1})
    assert (job.user.name, job.user.locale, job.type.type) == ("Ada", "de", "application_update")
    assert job.paused == {"provider:twilio": False}
    targets = {channel: found.targets for channel, found in jobs.items() if found}
    [mail], [sms], [inbox] = (targets[c] for c in (Channel.EMAIL, Channel.SMS, Channel.WEBSOCKET))
    assert (mail.key, mail.address, mail.suppressed_reason) == (
        "primary", f"{user}@example.com", None,
    )  # fmt: skip
    assert (sms.address, sms.suppressed_reason) == ("+4915112345678", "stop")
    assert (inbox.key, inbox.address) == ("primary", user)
    assert {(t.key, t.address, t.platform, t.locale, t.suppressed_reason)
            for t in targets[Channel.PUSH]} == {
        (str(devices[0].id), devices[0].token, Platform.IOS, "fr", None),
        (str(devices[1].id), devices[1].token, Platform.WEB, "fr", "gone"),
    }  # fmt: skip


async def test_an_intent_moves_the_line_and_the_notification(ledger: Ledger) -> None:
    line = await ledger.delivery(await ledger.notification(await ledger.user()))
    at = now()
    async with ledger.uow() as tx:
        [intent] = await tx.deliveries.write_intent(line.notification_id, {line.id: "resend"}, at)
        item = await tx.notifications.lock(line.notification_id)
    assert (intent.delivery.status, intent.delivery.attempts) == (S.SENDING, 1)
    assert (intent.delivery.provider, intent.delivery.intent_at) == ("resend", at)
    assert not intent.in_doubt
    assert item is not None
    assert (item.status, item.first_intent_at) == (NotificationStatus.PROCESSING, at)


async def test_an_intent_without_a_result_is_in_doubt_and_stays_with_its_provider(
    ledger: Ledger,
) -> None:
    line = await sending(ledger)
    async with ledger.uow() as tx:
        [again] = await tx.deliveries.write_intent(line.notification_id, {line.id: "smtp"}, now())
    assert again.in_doubt
    assert (again.delivery.provider, again.delivery.attempts) == ("resend", 2)


@pytest.mark.parametrize("status", [s for s in S if s not in {S.PENDING, S.DEFERRED, S.SENDING}])
async def test_a_line_that_ended_takes_no_intent(ledger: Ledger, status: DeliveryStatus) -> None:
    item = await ledger.notification(await ledger.user())
    line = await ledger.delivery(item, status=status)
    async with ledger.uow() as tx:
        assert await tx.deliveries.write_intent(item.id, {line.id: "resend"}, now()) == ()


@pytest.mark.parametrize("ended", ["cancelled", "skipped", "expired", "digested", "failed"])
async def test_a_notification_that_ended_takes_no_intent(ledger: Ledger, ended: str) -> None:
    item = await ledger.notification(await ledger.user(), status=NotificationStatus(ended))
    line = await ledger.delivery(item)
    async with ledger.uow() as tx:
        assert await tx.deliveries.write_intent(item.id, {line.id: "resend"}, now()) == ()
    assert (await stored(ledger, line)).status is S.PENDING


async def test_an_escalation_may_go_on_after_the_first_was_sent(ledger: Ledger) -> None:
    item = await ledger.notification(await ledger.user(), status=NotificationStatus.SENT)
    line = await ledger.delivery(item)
    async with ledger.uow() as tx:
        assert await tx.deliveries.write_intent(item.id, {line.id: "resend"}, now())
        after = await tx.notifications.lock(item.id)
    assert after is not None
    assert after.status is NotificationStatus.SENT


async def test_cancel_and_intent_never_both_win(ledger: Ledger) -> None:
    """Two connections, four hundred interleavings: cancelled means that no intent was written."""
    user, chance = await ledger.user(), random.Random(7)
    ends: Counter[str] = Counter()

    async def intend(line: Delivery, rest: float) -> bool:
        await asyncio.sleep(rest)
        async with ledger.uow() as tx:
            named = {line.id: "resend"}
            found = await tx.deliveries.write_intent(line.notification_id, named, now())
            await asyncio.sleep(chance.random() * 0.002)
        return bool(found)

    async def cancel(line: Delivery, rest: float) -> bool:
        await asyncio.sleep(rest)
        async with ledger.uow() as tx:
            item = await tx.notifications.lock(line.notification_id)
            assert item is not None
            await tx.notifications.request_cancel(item.id, now())
            await asyncio.sleep(chance.random() * 0.002)
            await tx.deliveries.close_open(item.id, S.CANCELLED, "cancelled")
            if item.first_intent_at is None:
                await tx.notifications.set_status(
                    item.id, NotificationStatus.CANCELLED, reason="cancelled"
                )
            return item.first_intent_at is None

    async def race(line: Delivery) -> None:
        rest = chance.random() * 0.004
        sent, cancelled = await asyncio.gather(intend(line, 0.002), cancel(line, rest))
        assert sent != cancelled
        end = await stored(ledger, line)
        assert end.status is (S.SENDING if sent else S.CANCELLED)
        ends["sent" if sent else "cancelled"] += 1

    for _ in range(40):
        lines = [await ledger.delivery(await ledger.notification(user)) for _ in range(10)]
        await asyncio.gather(*(race(line) for line in lines))
    assert ends.total() == 400
    assert min(ends.values()) > 20, f"hardly a race: {ends}"


async def test_of_two_workers_at_once_the_second_is_in_doubt(ledger: Ledger) -> None:
    user = await ledger.user()
    for _ in range(10):
        line = await ledger.delivery(await ledger.notification(user))

        async def intend(line: Delivery = line) -> bool:
            async with ledger.uow() as tx:
                [found] = await tx.deliveries.write_intent(
                    line.notification_id, {line.id: "resend"}, now()
                )
            return found.in_doubt

        assert sorted(await asyncio.gather(intend(), intend())) == [False, True]


async def test_results_are_written_with_their_attempts(
    ledger: Ledger, sql: asyncpg.Connection
) -> None:
    line = await sending(ledger)
    later = now() + timedelta(seconds=30)
    retry = result(
        line, S.PENDING, outcome="retry", error_code="busy", error_message="Later.",
        next_attempt_at=later,
    )  # fmt: skip
    async with ledger.uow() as tx:
        [after] = await tx.deliveries.record([retry])
        assert (after.status, after.failures, after.error_code) == (S.PENDING, 1, "busy")
        await tx.deliveries.write_intent(line.notification_id, {line.id: "smtp"}, now())
        [after] = await tx.deliveries.record(
            [result(line, provider="smtp", provider_message_id=f"m-{line.id}", segments=2)]
        )
    assert (after.status, after.provider, after.failures) == (S.SENT, "smtp", 1)
    assert (after.error_code, after.error_message) == (None, None)
    assert after.sent_at is not None
    rows = await sql.fetch(
        "select number, outcome, provider, error_code, next_attempt_at from delivery_attempts"
        " where delivery_id = $1 order by number",
        line.id,
    )
    assert [tuple(row) for row in rows] == [
        (1, "retry", "resend", "busy", later),
        (2, "accepted", "smtp", None, None),
    ]


async def test_only_a_line_being_sent_takes_a_result(ledger: Ledger) -> None:
    line = await sending(ledger)
    async with ledger.uow() as tx:
        assert len(await tx.deliveries.record([result(line)])) == 1
        assert await tx.deliveries.record([result(line, S.FAILED)]) == ()
    assert (await stored(ledger, line)).status is S.SENT


async def test_many_results_go_in_together(ledger: Ledger) -> None:
    item = await ledger.notification(await ledger.user())
    lines = [await ledger.delivery(item, channel=Channel.PUSH, target=f"{n}") for n in range(20)]
    ids = [line.id for line in lines]
    async with ledger.uow() as tx:
        intents = await tx.deliveries.write_intent(item.id, dict.fromkeys(ids, "firebase"), now())
        assert len(intents) == 20
        ends = itertools.cycle([S.SENT, S.FAILED])
        moved = await tx.deliveries.record([result(line, next(ends)) for line in lines])
    assert Counter(line.status for line in moved) == {S.SENT: 10, S.FAILED: 10}


async def test_a_line_that_is_there_is_left_alone(ledger: Ledger) -> None:
    line = await sending(ledger)
    async with ledger.uow() as tx:
        item = await tx.notifications.lock(line.notification_id)
        await tx.deliveries.add([])
    assert item is not None
    await ledger.delivery(item)
    assert (await stored(ledger, line)).status is S.SENDING
    async with ledger.uow() as tx:
        assert len(await tx.deliveries.of(item.id)) == 1


async def test_closing_ends_what_is_open_and_reopening_what_failed(ledger: Ledger) -> None:
    item = await ledger.notification(await ledger.user())
    wanted = {Channel.EMAIL: S.PENDING, Channel.SMS: S.DEFERRED, Channel.PUSH: S.SENT}
    lines = {c: await ledger.delivery(item, channel=c, status=s) for c, s in wanted.items()}
    async with ledger.uow() as tx:
        assert await tx.deliveries.close_open(item.id, S.FAILED, "no", channel=Channel.SMS) == 1
        assert await tx.deliveries.close_open(item.id, S.SKIPPED, "enough") == 1
        assert await tx.deliveries.close_open(item.id, S.SKIPPED, "enough") == 0
        ended = {line.channel: line for line in await tx.deliveries.of(item.id)}
        assert {c: line.status for c, line in ended.items()} == {
            Channel.EMAIL: S.SKIPPED, Channel.SMS: S.FAILED, Channel.PUSH: S.SENT,
        }  # fmt: skip
        assert ended[Channel.SMS].error_code == "no"
        assert await tx.deliveries.reopen(item.id, lines[Channel.EMAIL].id) == 0
        assert await tx.deliveries.reopen(item.id, None) == 1
    again = await stored(ledger, lines[Channel.SMS])
    assert (again.status, again.error_code, again.attempts) == (S.PENDING, None, 0)


async def test_one_open_dead_letter_for_each_delivery(ledger: Ledger) -> None:
    line = await sending(ledger)

    def letter() -> DeadLetter:
        return DeadLetter(
            new_id(), line.notification_id, line.id, "u", "application_update", Channel.EMAIL,
            "resend", "code", "message", now(),
        )  # fmt: skip

    first, second = letter(), letter()
    async with ledger.uow() as tx:
        await tx.deliveries.bury([first])
        await tx.deliveries.bury([second])
        assert await tx.operations.dead_letter(first.id) == first
        assert await tx.operations.dead_letter(second.id) is None
        assert await tx.operations.resolve_dead_letter(first.id, "redriven", now())
        assert not await tx.operations.resolve_dead_letter(first.id, "discarded", now())
        await tx.deliveries.bury([second])
        assert await tx.operations.dead_letter(second.id) == second
