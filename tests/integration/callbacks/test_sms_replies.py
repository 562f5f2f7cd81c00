"""What people text back, on a real database: STOP, START and HELP, in any order, told any number
of times."""

import asyncio
from collections import defaultdict
from dataclasses import replace
from datetime import timedelta

import pytest

from domain.callbacks import Reply
from domain.enums import Channel, ConsentType, DeliveryStatus, NotificationStatus
from domain.paging import PageRequest
from domain.ports.callbacks import CallbackFilter, CallbackStatus
from domain.ports.providers import Rejected
from domain.records.operations import PausedPart
from domain.records.people import Consent
from domain.sms.limits import DEFAULT_LIMITS
from providers.phone import to_e164
from services.people.suppressions import SuppressionService
from tests.integration.callbacks.bench import Bench, number, receipt, reply, telling

S = DeliveryStatus
MINUTE = timedelta(minutes=1)
SMS = Channel.SMS


async def sms_answers(bench: Bench, user: str) -> list[tuple[bool, str, str | None]]:
    """Every answer to the `sms` consent, the oldest first."""
    rows = await bench.sql(
        "select granted, source, text from consent_history where user_id = $1 and type = 'sms'"
        " order by at", user,
    )  # fmt: skip
    return [(row["granted"], row["source"], row["text"]) for row in rows]


async def test_stop_silences_the_number_for_everyone_who_has_it_and_start_undoes_it(
    bench: Bench,
) -> None:
    phone = number()
    users = [await bench.user(phone=phone) for _ in range(2)]
    stranger = await bench.user(phone=number())
    waiting = await bench.sent(users[0], SMS, status=NotificationStatus.SCHEDULED)
    stop = reply(phone, " Désabonner ! ", 1)
    await bench.tell(stop)
    await bench.tell(stop, stop)
    assert await bench.suppressions(SMS, phone) == "opted_out"
    for user in users:
        assert await sms_answers(bench, user) == [(False, "sms_reply", " Désabonner ! ")]
    assert await sms_answers(bench, stranger) == []
    assert bench.starter.told == [(waiting.notification_id, "preferences_changed")]
    [source] = await bench.sql(
        "select source from suppressions where channel = 'sms' and source like 'reply:%'"
        " and created_at = $1", stop.at,
    )  # fmt: skip
    assert source["source"] == f"reply:{bench.vendor.name}"

    await bench.tell(reply(phone, "START", 2))
    assert await bench.suppressions(SMS, phone) is None
    for user in users:
        assert [granted for granted, *_ in await sms_answers(bench, user)] == [False, True]
    assert len(bench.starter.told) == 2


async def test_the_newest_reply_wins_in_any_order_and_a_replay_does_nothing(bench: Bench) -> None:
    phone = number()
    user = await bench.user(phone=phone)
    stop, start = reply(phone, "STOP", 1), reply(phone, "UNSTOP", 2)
    await bench.tell(start)
    late = await bench.tell(stop)
    assert await bench.suppressions(SMS, phone) is None
    assert [granted for granted, *_ in await sms_answers(bench, user)] == [True]
    again = await bench.tell(reply(phone, "Stop.", 3))
    assert await bench.suppressions(SMS, phone) == "opted_out"
    await bench.tell(reply(phone, "start", 4))
    before = await bench.counts()
    for told in (late, again):
        await bench.callbacks.replay(told.id, "key:test")
    after = await bench.counts()
    assert {table for table in after if after[table] != before[table]} == {"audit_log"}
    assert await bench.suppressions(SMS, phone) is None


async def test_a_stop_told_again_in_another_form_and_at_another_time_is_the_old_one(
    bench: Bench,
) -> None:
    """Twilio gives no time, and signs a form whose fields may stand in any order."""
    phone = number()
    user = await bench.user(phone=phone)
    stop = reply(phone, "STOP", 1)
    await bench.tell(stop)
    await bench.tell(reply(phone, "START", 2))
    assert await bench.hear(telling(replace(stop, at=stop.at + timedelta(seconds=9)))) is None
    assert await bench.suppressions(SMS, phone) is None
    assert [granted for granted, *_ in await sms_answers(bench, user)] == [False, True]


async def test_start_lifts_no_bounce_and_a_yes_means_start_only_after_stop(bench: Bench) -> None:
    phone = number()
    user = await bench.user(phone=phone)
    await bench.tell(reply(phone, "Ja", 1))
    assert await sms_answers(bench, user) == []
    await bench.tell(reply(phone, "STOP", 2))
    await bench.tell(reply(phone, "Ja", 3))
    assert await bench.suppressions(SMS, phone) is None
    assert [granted for granted, *_ in await sms_answers(bench, user)] == [False, True]
    line = await bench.sent(user, SMS)
    await bench.tell(receipt(line, S.BOUNCED))
    await bench.tell(reply(phone, "START", 4))
    assert await bench.suppressions(SMS, phone) == "bounced"


@pytest.mark.parametrize("stopped_first", [True, False])
async def test_lifting_a_bounce_leaves_the_stop_behind_it(
    bench: Bench, stopped_first: bool
) -> None:
    phone = number()
    user = await bench.user(phone=phone)
    line = await bench.sent(user, SMS)
    told = [reply(phone, "STOP", 1), receipt(line, S.FAILED, 2, code="30006")]
    for one in told if stopped_first else reversed(told):
        await bench.tell(one)
    assert await bench.suppressions(SMS, phone) == "bounced"
    service = SuppressionService(bench.uow, to_e164, bench.now)
    for reason in ("opted_out", None):
        async with bench.uow() as tx:
            held = await tx.operations.suppression(SMS, phone, bench.now())
        assert held is not None
        await service.lift(held.id, "key:test")
        assert await bench.suppressions(SMS, phone) == reason


async def test_start_lifts_the_stop_that_lifting_a_bounce_left(bench: Bench) -> None:
    phone = number()
    line = await bench.sent(await bench.user(phone=phone), SMS)
    await bench.tell(reply(phone, "STOP", 1))
    await bench.tell(receipt(line, S.FAILED, 2, code="30006"))
    async with bench.uow() as tx:
        held = await tx.operations.suppression(SMS, phone, bench.now())
    assert held is not None
    await SuppressionService(bench.uow, to_e164, bench.now).lift(held.id, "key:test")
    await bench.tell(reply(phone, "START", 3))
    assert await bench.suppressions(SMS, phone) is None


async def test_a_stop_outlasts_a_consent_given_before_it_arrived(bench: Bench) -> None:
    phone = number()
    user = await bench.user(phone=phone)
    stop = reply(phone, "STOP", 1)
    async with bench.uow() as tx:
        await tx.users.put_consent(
            Consent(user, ConsentType.SMS, True, "form", None, stop.at + timedelta(seconds=1))
        )
    await bench.tell(stop)
    assert await bench.suppressions(SMS, phone) == "opted_out"
    async with bench.uow() as tx:
        [present] = await tx.users.consents(user)
    assert not present.granted


async def test_help_and_words_for_people_are_noted_without_their_text(bench: Bench) -> None:
    phone = number()
    user = await bench.user(phone=phone)
    said: list[Reply] = [reply(phone, "AIDE"), reply(phone, "I can stop by at noon, Ann")]
    for one in said:
        assert (await bench.tell(one)).status is CallbackStatus.APPLIED
    rows = await bench.sql(
        "select type, detail from event_log where user_id = $1 order by seq", user
    )
    assert [row["type"] for row in rows] == ["user.replied"] * 2
    assert [row["detail"]["asked"] for row in rows] == ["help", None]
    assert [row["detail"]["messageId"] for row in rows] == [one.message_id for one in said]
    assert "Ann" not in str([row["detail"] for row in rows])
    assert await bench.suppressions(SMS, phone) is None
    assert await sms_answers(bench, user) == []


async def test_help_is_answered_in_its_language_from_the_number_it_was_sent_to(
    bench: Bench,
) -> None:
    phone = number()
    asked = reply(phone, "Aide !")
    await bench.tell(asked)
    [answer] = bench.vendor.sent
    assert (answer.target, answer.sender, answer.channel) == (phone, asked.recipient, SMS)
    assert answer.message.text.startswith("Jobs : pour obtenir de l'aide, help@jobs.example.")
    assert await bench.hear(telling(replace(asked, at=asked.at + MINUTE))) is None
    again = await bench.callbacks.list(CallbackFilter(bench.vendor.name), PageRequest(1))
    await bench.callbacks.replay(again.items[0].id, "key:test")
    assert len(bench.vendor.sent) == 1


async def test_help_the_vendor_answers_or_nobody_may_get_is_not_answered(bench: Bench) -> None:
    silent, told = number(), number()
    await bench.tell(reply(told, "HELP"))
    await bench.tell(replace(reply(told, "Hilfe"), keyword="HELP"))
    await bench.tell(reply("12345", "Hilfe"))
    await bench.tell(reply(silent, "STOP"))
    await bench.tell(reply(silent, "Hilfe", 1))
    for part in ("channel:sms", f"provider:{bench.vendor.name}"):
        async with bench.uow() as tx:
            await tx.operations.pause(PausedPart(part, bench.now()))
        await bench.tell(reply(told, "Hilfe"))
        async with bench.uow() as tx:
            await tx.operations.resume(part)
    assert bench.vendor.sent == []


async def test_a_number_gets_no_more_help_than_its_limit(bench: Bench) -> None:
    phone = number()
    for _ in range(DEFAULT_LIMITS[0].maximum + 3):
        await bench.tell(reply(phone, "Hilfe"))
    assert len(bench.vendor.sent) == DEFAULT_LIMITS[0].maximum


async def test_help_a_vendor_refuses_is_noted_and_the_reply_applied(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    bench.vendor.script.append(Rejected("invalid_number", "No."))
    assert (await bench.tell(reply(number(), "Hilfe"))).status is CallbackStatus.APPLIED
    assert "sms_help.not_answered" in caplog.messages


async def test_no_character_keeps_a_stop_from_being_heard(bench: Bench) -> None:
    phone = number()
    user = await bench.user(phone=phone)
    await bench.tell(reply(phone, "STOP\x00\ud800"))
    assert await bench.suppressions(SMS, phone) == "opted_out"
    assert [granted for granted, *_ in await sms_answers(bench, user)] == [False]


async def test_a_word_of_the_accounts_own_means_what_the_vendor_says(bench: Bench) -> None:
    phone = number()
    await bench.tell(replace(reply(phone, "GENUG"), keyword="STOP"))
    assert await bench.suppressions(SMS, phone) == "opted_out"


async def test_a_stop_from_a_number_nobody_has_is_remembered(bench: Bench) -> None:
    phone = number()
    await bench.tell(reply(phone, "STOP", 1))
    assert await bench.suppressions(SMS, phone) == "opted_out"
    await bench.tell(reply("123", "STOP", 1))
    assert await bench.suppressions(SMS, "123") == "opted_out"


async def test_stops_and_receipts_at_once_do_not_wait_for_each_other_for_ever(
    bench: Bench,
) -> None:
    phone = number()
    users = [await bench.user(phone=phone) for _ in range(3)]
    lines = [await bench.sent(user, SMS) for user in users for _ in range(4)]
    grouped = defaultdict(list)
    for place, line in enumerate(lines):
        grouped[place % 3].append(receipt(line, S.FAILED, code="21610"))
    told = [reply(phone, "STOP", n) for n in range(4)]
    bodies = [telling(*group) for group in grouped.values()] + [telling(one) for one in told]
    await asyncio.gather(*(bench.hear(body) for body in bodies))
    bench.later = 2 * MINUTE
    while await bench.callbacks.run_once():
        bench.later += 2 * MINUTE
    assert await bench.suppressions(SMS, phone) == "opted_out"
    assert {(await bench.notification(line)).status for line in lines} == {
        NotificationStatus.FAILED
    }
