"""The catalogue, idempotency, what operators see and do, keys, events and the outbox."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any, TypeVar

import pytest

from domain.enums import Category, Channel, ConsentType, EventType, Priority, Scope, Strategy
from domain.ids import new_id
from domain.paging import Page, PageRequest
from domain.ports.idempotency import IdempotencyRecord, StoredResponse
from domain.ports.operations import DeadLetterFilter
from domain.records.api_keys import ApiKey
from domain.records.catalogue import NotificationType, TemplateVersion
from domain.records.events import Event, PendingSignal
from domain.records.operations import AuditEntry, DeadLetter, PausedPart
from domain.records.people import Suppression
from storage.uow import SqlTransaction
from tests.integration.storage.conftest import Ledger, now

T = TypeVar("T")
HOUR = timedelta(hours=1)
STARTERS = {
    "job_match", "candidate_interest", "recommendation_refresh", "job_alert",
    "application_update", "interview_reminder", "message_received", "security_alert",
    "one_time_code", "account_update", "announcement", "newsletter", "digest",
}  # fmt: skip
TRANSACTIONAL = {
    "security_alert", "one_time_code", "account_update", "interview_reminder",
    "application_update",
}  # fmt: skip


async def everything(
    ledger: Ledger, read: Callable[[SqlTransaction, PageRequest], Awaitable[Page[T]]]
) -> list[T]:
    """All rows, two at a time."""
    found: list[T] = []
    page: Page[T] | None = None
    while page is None or page.next_cursor is not None:
        async with ledger.uow() as tx:
            page = await read(tx, PageRequest(2, page.next_cursor if page else None))
        found += page.items
    return found


async def test_the_starter_types_are_there_as_specified(ledger: Ledger) -> None:
    async with ledger.uow() as tx:
        types = {item.type: item for item in await tx.catalogue.types()}
    assert set(types) == STARTERS
    assert {name for name, item in types.items() if item.legally_transactional} == TRANSACTIONAL
    asks = {name: item.required_consent for name, item in types.items() if item.required_consent}
    assert asks == {"newsletter": ConsentType.MARKETING}
    assert all(item.default_channels for item in types.values())


async def test_seeding_again_keeps_what_an_operator_changed(ledger: Ledger) -> None:
    mine = NotificationType(
        "job_match", Category.MESSAGES, (Channel.SMS,), Priority.LOW, Strategy.FALLBACK, HOUR,
        "hourly", True, ConsentType.TRACKING, "mine", "Mine.", now(),
    )  # fmt: skip
    async with ledger.uow() as tx:
        before = await tx.catalogue.type("job_match")
        assert before is not None
        await tx.catalogue.put_type(mine)
        await tx.catalogue.seed_type(before)
        assert await tx.catalogue.type("job_match") == mine
        await tx.catalogue.put_type(before)
        assert await tx.catalogue.type("nothing") is None


def a_template(key: str, locale: str = "en", status: str = "draft") -> TemplateVersion:
    return TemplateVersion(
        key, locale, 0, "job_match", {"sms": {"body": "{{ data.n }}"}}, {"type": "object"},
        {"n": 1}, status, now(),
    )  # fmt: skip


async def test_versions_count_up_by_locale_and_never_change(ledger: Ledger) -> None:
    key = "counted"
    async with ledger.uow() as tx:
        first = await tx.catalogue.add_template_version(a_template(key, status="published"))
        second = await tx.catalogue.add_template_version(a_template(key))
        german = await tx.catalogue.add_template_version(a_template(key, "de", "published"))
        assert [v.version for v in (first, second, german)] == [1, 2, 1]
        assert await tx.catalogue.template(key) == (german, second)
        assert await tx.catalogue.template(key, published_only=True) == (german, first)
        assert await tx.catalogue.template(key, locale="en", version=1) == (first,)
        assert await tx.catalogue.template(key, locale="fr") == ()
        then = first.created_at
        assert await tx.catalogue.template(key, created_by=then) == (first,)
        assert await tx.catalogue.template(key, created_by=then - timedelta(seconds=1)) == ()
    summaries = await everything(ledger, lambda tx, page: tx.catalogue.templates(page))
    [mine] = [item for item in summaries if item.key == key]
    assert (mine.locales, mine.version, mine.status) == (("de", "en"), 2, "published")
    assert len({item.key for item in summaries}) == len(summaries) > 10
    async with ledger.uow() as tx:
        assert await tx.catalogue.delete_template(key)
        assert not await tx.catalogue.delete_template(key)


async def test_versions_added_at_once_are_all_kept(ledger: Ledger) -> None:
    async def add() -> int:
        async with ledger.uow() as tx:
            return (await tx.catalogue.add_template_version(a_template("raced"))).version

    assert sorted(await asyncio.gather(*(add() for _ in range(10)))) == list(range(1, 11))


async def claim(ledger: Ledger, key: str, **given: Any) -> IdempotencyRecord | None:
    words = {"body_hash": "h", "now": now(), "resource_id": None} | given
    async with ledger.uow() as tx:
        return await tx.idempotency.claim(scope="s", key=key, **words)


async def test_of_twenty_calls_with_one_key_one_goes_on(ledger: Ledger) -> None:
    answers = await asyncio.gather(*(claim(ledger, "raced") for _ in range(20)))
    held = [answer for answer in answers if answer is not None]
    assert len(held) == 19
    assert all(answer.in_flight for answer in held)


async def test_a_finished_call_is_played_back(ledger: Ledger) -> None:
    response = StoredResponse(202, '{"title": "Grüße"}'.encode())
    assert await claim(ledger, "done") is None
    async with ledger.uow() as tx:
        await tx.idempotency.complete(scope="s", key="done", response=response)
        await tx.idempotency.release(scope="s", key="done")
    held = await claim(ledger, "done", body_hash="other")
    assert held is not None
    assert (held.response, held.body_hash, held.in_flight) == (response, "h", False)
    assert await claim(ledger, "made", resource_id="r-1") is None
    again = await claim(ledger, "made")
    assert again is not None
    assert (again.resource_id, again.in_flight) == ("r-1", False)


async def test_what_is_old_abandoned_or_released_is_free(ledger: Ledger) -> None:
    minute = timedelta(minutes=1)
    assert await claim(ledger, "abandoned", now=now() - 2 * minute) is None
    assert await claim(ledger, "abandoned") is None
    assert await claim(ledger, "old", now=now() - 25 * HOUR, resource_id="r") is None
    assert await claim(ledger, "old") is None
    assert await claim(ledger, "kept", now=now() - 23 * HOUR, resource_id="r") is None
    assert await claim(ledger, "kept") is not None
    assert await claim(ledger, "released") is None
    async with ledger.uow() as tx:
        await tx.idempotency.release(scope="s", key="released")
    assert await claim(ledger, "released") is None


@pytest.mark.parametrize(
    ("where", "found"),
    [
        ({}, {0, 1, 2}),
        ({"channel": Channel.SMS}, {1}),
        ({"type": "job_match"}, {0}),
        ({"provider": "resend"}, {0, 2}),
        ({"code": "c1"}, {1}),
        ({"status": "discarded"}, {3}),
        ({"status": None}, {0, 1, 2, 3}),
        ({"created_after": -1.5}, {0, 1}),
        ({"created_before": -1.5}, {2}),
    ],
)
async def test_dead_letters_are_found_by_what_they_share(
    ledger: Ledger, where: dict[str, Any], found: set[int]
) -> None:
    item, at = await ledger.notification(await ledger.user()), now()
    given: list[dict[str, Any]] = [
        {"type": "job_match"}, {"channel": Channel.SMS, "provider": "twilio"}, {}, {},
    ]  # fmt: skip
    letters = []
    for n, fields in enumerate(given):
        words: dict[str, Any] = {
            "type": "digest", "channel": Channel.EMAIL, "provider": "resend", "user_id": "u",
            "code": f"c{n}", "message": "m", "created_at": at - n * HOUR, "delivery_id": new_id(),
        } | fields  # fmt: skip
        letters.append(DeadLetter(new_id(), item.id, **words))
    moments = {k: at + v * HOUR if isinstance(v, float) else v for k, v in where.items()}
    async with ledger.uow() as tx:
        await tx.deliveries.bury(letters)
        assert await tx.operations.resolve_dead_letter(letters[3].id, "discarded", at)
    pages = await everything(
        ledger, lambda tx, page: tx.operations.dead_letters(DeadLetterFilter(**moments), page)
    )
    ours = {letter.id for letter in pages} & {letter.id for letter in letters}
    assert ours == {letters[n].id for n in found}


async def test_an_address_is_suppressed_once_whatever_its_case(ledger: Ledger) -> None:
    first = Suppression(new_id(), Channel.EMAIL, "bounced", "resend", now(), None, "Ada@X.example")
    async with ledger.uow() as tx:
        assert await tx.operations.suppress(first) == first
        again = replace(first, id=new_id(), address="ada@x.EXAMPLE", reason="manual again")
        assert await tx.operations.suppress(again) == first
        other = replace(first, id=new_id(), channel=Channel.PUSH)
        assert await tx.operations.suppress(other) == other
    listed = await everything(ledger, lambda tx, page: tx.operations.suppressions(page))
    assert {first.id, other.id} <= {item.id for item in listed}
    async with ledger.uow() as tx:
        assert await tx.operations.lift_suppression(first.id)
        assert not await tx.operations.lift_suppression(first.id)


async def test_pausing_twice_is_pausing(ledger: Ledger) -> None:
    async with ledger.uow() as tx:
        for name in ("provider:resend", "channel:sms", "channel:sms"):
            await tx.operations.pause(PausedPart(name, now(), divert=name == "provider:resend"))
        held = [(part.name, part.divert) for part in await tx.operations.paused()]
        assert held == [("channel:sms", False), ("provider:resend", True)]
        names = ("channel:sms", "channel:sms", "provider:resend")
        assert [await tx.operations.resume(name) for name in names] == [True, False, True]
        assert await tx.operations.paused() == ()


async def test_a_key_is_found_by_its_hash_and_can_be_revoked(ledger: Ledger) -> None:
    keys = [
        ApiKey(new_id(), f"k{n}", "hk_abc", frozenset({Scope.ADMIN, Scope.USERS_READ}), 600,
               now() + n * HOUR, now() + 9 * HOUR)
        for n in range(5)
    ]  # fmt: skip
    async with ledger.uow() as tx:
        for key in keys:
            await tx.api_keys.insert(key, f"hash-{key.id}")
        assert await tx.api_keys.by_hash(f"hash-{keys[0].id}") == keys[0]
        assert await tx.api_keys.by_hash("other") is None
    listed = await everything(ledger, lambda tx, page: tx.api_keys.list(page))
    assert listed == keys[::-1]
    at = now()
    async with ledger.uow() as tx:
        assert await tx.api_keys.revoke(keys[0].id, at)
        assert not await tx.api_keys.revoke(keys[0].id, at)
        assert await tx.api_keys.by_hash(f"hash-{keys[0].id}") == replace(keys[0], revoked_at=at)


async def test_the_audit_log_is_read_newest_first(ledger: Ledger) -> None:
    at = now()
    entries = [
        AuditEntry(at + (n // 2) * HOUR, "key:1", "pause", f"part-{n}", {"n": n}) for n in range(5)
    ]
    async with ledger.uow() as tx:
        for entry in entries:
            await tx.operations.audit(entry)
    assert await everything(ledger, lambda tx, page: tx.operations.audit_log(page)) == entries[::-1]


async def test_a_timeline_keeps_the_order_of_writing(ledger: Ledger) -> None:
    item = await ledger.notification(await ledger.user())
    kinds = (EventType.NOTIFICATION_REQUESTED, EventType.NOTIFICATION_SENT)
    events = [
        Event(kind, item.user_id, now(), item.id, channel, {"n": [1, {"deep": None}]})
        for kind, channel in zip(kinds, (None, Channel.EMAIL), strict=True)
    ]
    async with ledger.uow() as tx:
        await tx.events.append(events[:1])
        await tx.events.append([])
        await tx.events.append([events[1], replace(events[1], notification_id=None)])
        assert await tx.events.timeline(item.id) == tuple(events)


async def test_each_signal_is_claimed_by_one_and_stays_until_it_was_told(ledger: Ledger) -> None:
    item, long_ago = await ledger.notification(await ledger.user()), now() - HOUR
    signals = [PendingSignal(new_id(), item.id, 0, "cancel", long_ago) for _ in range(20)]
    async with ledger.uow() as tx:
        await tx.signals.add(signals)

    async def take(again_before: timedelta) -> list[PendingSignal]:
        async with ledger.uow() as tx:
            found = await tx.signals.claim(
                older_than=now(), again_before=now() + again_before, limit=8
            )
            await asyncio.sleep(0.05)
        return list(found)

    assert await take(-HOUR) == []
    batches = await asyncio.gather(*(take(HOUR) for _ in range(3)))
    claimed = [signal for batch in batches for signal in batch]
    assert sorted(s.id for s in claimed) == sorted(s.id for s in signals)
    async with ledger.uow() as tx:
        await tx.signals.done([s.id for s in signals[5:]])
    left = await take(HOUR)
    assert sorted(s.id for s in left) == sorted(s.id for s in signals[:5])
