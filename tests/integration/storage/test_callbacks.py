"""Callbacks as they are kept: sealed, once each, claimed by one process at a time, forgotten."""

import asyncio
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

import asyncpg
import pytest

from domain.callbacks import EngagementKind
from domain.enums import Channel, ConsentType
from domain.ids import new_id
from domain.paging import PageRequest
from domain.ports.callbacks import (
    CallbackFilter,
    CallbackStatus,
    EngagementRecord,
    StoredCallback,
)
from domain.records.people import Consent, Suppression
from storage.engagement import bare_url
from tests.integration.storage.conftest import Ledger, now

AGAIN = (timedelta(seconds=1), timedelta(seconds=5))
MINUTE = timedelta(minutes=1)


def a_callback(provider: str | None = None, **fields: Any) -> StoredCallback:
    given: dict[str, Any] = {
        "id": new_id(), "provider": provider or f"p{uuid4().hex[:8]}",
        "status": CallbackStatus.RECEIVED, "attempts": 1, "received_at": now(),
        "body": f'{{"to": "ann@example.com", "n": "{uuid4()}"}}'.encode(),
    }  # fmt: skip
    return StoredCallback(**given | fields)


async def keep(ledger: Ledger, callback: StoredCallback) -> bool:
    async with ledger.uow() as tx:
        return await tx.callbacks.add(callback)


async def claim(ledger: Ledger, at: datetime) -> set[Any]:
    async with ledger.uow() as tx:
        return set(await tx.callbacks.claim(at, AGAIN, 1000))


@pytest.mark.parametrize("body", [b'{"a": 1}', b"\xff\xfe\x00 no text", "schön €".encode()])
async def test_a_body_comes_back_as_it_was_and_lies_sealed(
    ledger: Ledger, sql: asyncpg.Connection, body: bytes
) -> None:
    kept = a_callback(body=body)
    assert await keep(ledger, kept)
    async with ledger.uow() as tx:
        assert await tx.callbacks.get(kept.id) == kept
        assert await tx.callbacks.get(new_id()) is None
    row = await sql.fetchrow("select * from provider_callbacks where id = $1", kept.id)
    for column in ("body", "digest"):
        assert body.decode("latin-1") not in row[column]


async def test_the_same_body_is_kept_once_for_each_provider(ledger: Ledger) -> None:
    first = a_callback()
    again = replace(first, id=new_id(), received_at=now())
    elsewhere = replace(first, id=new_id(), provider="another")
    kept = await asyncio.gather(*(keep(ledger, one) for one in (first, again, again)))
    assert sorted(kept) == [False, False, True]
    assert await keep(ledger, elsewhere)


async def test_what_nobody_applied_is_claimed_by_one_and_again_after_a_while(
    ledger: Ledger,
) -> None:
    fresh = a_callback()
    await keep(ledger, fresh)
    at = fresh.received_at
    assert fresh.id not in await claim(ledger, at + timedelta(seconds=0.9))
    claims = await asyncio.gather(*(claim(ledger, at + MINUTE) for _ in range(4)))
    assert [fresh.id in one for one in claims].count(True) == 1
    # The second try waits as long as the second step says, and so does each one after the last.
    assert fresh.id not in await claim(ledger, at + MINUTE + timedelta(seconds=4))
    assert fresh.id in await claim(ledger, at + 2 * MINUTE)
    assert fresh.id in await claim(ledger, at + 3 * MINUTE)
    async with ledger.uow() as tx:
        found = await tx.callbacks.get(fresh.id)
        assert found is not None
        assert found.attempts == 4
        assert await tx.callbacks.hold(fresh.id)
        async with ledger.uow() as other:
            assert not await other.callbacks.hold(fresh.id)
        await tx.callbacks.finish(fresh.id, CallbackStatus.APPLIED, None, at)
    assert fresh.id not in await claim(ledger, at + 9 * MINUTE)
    async with ledger.uow() as tx:
        assert not await tx.callbacks.hold(fresh.id)


async def test_one_that_is_opened_again_remembers_when_it_was_first_applied(
    ledger: Ledger,
) -> None:
    kept = a_callback()
    await keep(ledger, kept)
    first = now()
    async with ledger.uow() as tx:
        await tx.callbacks.finish(kept.id, CallbackStatus.APPLIED, None, first)
        assert await tx.callbacks.reopen(kept.id, first)
        assert not await tx.callbacks.reopen(new_id(), first)
        found = await tx.callbacks.get(kept.id)
        assert found is not None
        assert (found.status, found.applied_at) == (CallbackStatus.RECEIVED, first)
        await tx.callbacks.finish(kept.id, CallbackStatus.APPLIED, None, first + MINUTE)
        found = await tx.callbacks.get(kept.id)
    assert found is not None
    assert found.applied_at == first


async def test_they_are_listed_by_provider_and_status_page_by_page(ledger: Ledger) -> None:
    provider = f"p{uuid4().hex[:8]}"
    kept = [a_callback(provider, received_at=now() - n * MINUTE) for n in range(5)]
    for one in kept:
        await keep(ledger, one)
    async with ledger.uow() as tx:
        await tx.callbacks.finish(kept[0].id, CallbackStatus.FAILED, "boom", now())
        where = CallbackFilter(provider=provider, status=CallbackStatus.RECEIVED)
        seen, cursor = [], None
        while True:
            page = await tx.callbacks.list(where, PageRequest(2, cursor))
            seen += [one.id for one in page.items]
            assert all(one.body is None for one in page.items)
            cursor = page.next_cursor
            if cursor is None:
                break
        [failed] = (
            await tx.callbacks.list(
                CallbackFilter(provider, CallbackStatus.FAILED), PageRequest(10)
            )
        ).items
    assert seen == [one.id for one in kept[1:]]
    assert failed.error == "boom"


async def test_old_ones_are_forgotten(ledger: Ledger) -> None:
    old = [a_callback(received_at=now() - timedelta(days=900)) for _ in range(3)]
    young = a_callback()
    for one in (*old, young):
        await keep(ledger, one)
    before = now() - timedelta(days=800)
    async with ledger.uow() as tx:
        assert await tx.callbacks.forget(before, 2) == 2
        assert await tx.callbacks.forget(before, 2) == 1
        assert await tx.callbacks.get(young.id) is not None
        assert await tx.callbacks.get(old[0].id) is None


async def test_users_are_found_by_number_and_answers_by_source(ledger: Ledger) -> None:
    number = "+4915112345699"
    users = sorted([await ledger.user(phone=number) for _ in range(2)])
    await ledger.user(phone="+4915112345698")
    async with ledger.uow() as tx:
        assert await tx.callbacks.users_with_phone(number) == tuple(users)
        assert await tx.callbacks.last_answer(users[0], ConsentType.SMS, "sms_reply") is None
        first = Consent(users[0], ConsentType.SMS, False, "sms_reply", "STOP", now())
        later = Consent(users[0], ConsentType.SMS, True, "form", None, now() + MINUTE)
        for answer in (later, first):
            await tx.users.put_consent(answer)
        assert await tx.callbacks.last_answer(users[0], ConsentType.SMS, "sms_reply") == first
        await tx.users.delete(users[1])
        assert await tx.callbacks.users_with_phone(number) == (users[0],)


async def test_an_engagement_is_kept_once_and_names_nobody(
    ledger: Ledger, sql: asyncpg.Connection
) -> None:
    item = await ledger.notification(await ledger.user())
    line = await ledger.delivery(item)
    record = EngagementRecord(
        line.id, item.id, item.user_id, Channel.EMAIL, EngagementKind.CLICKED, now(),
        "https://ann:pw@jobs.example/apply/7?token=secret#ann",
    )  # fmt: skip
    others = [
        replace(record, kind=EngagementKind.OPENED), replace(record, at=record.at + MINUTE),
        replace(record, url="https://jobs.example/apply/8"),
    ]  # fmt: skip
    async with ledger.uow() as tx:
        added = [await tx.engagement.add(one) for one in (record, record, *others, *others)]
    assert added == [True, False, True, True, True, False, False, False]
    rows = await sql.fetch(
        "select metadata from user_engagement_events where notification_id = $1", item.id
    )
    assert len(rows) == 4
    assert all("secret" not in row["metadata"] and "pw" not in row["metadata"] for row in rows)
    assert bare_url(record.url or "") == "https://jobs.example/apply/7"
    assert bare_url("mailto:ann@example.com") == "mailto:"
    assert bare_url("https://[") == ""


async def test_the_weightier_and_the_longer_suppression_stands(ledger: Ledger) -> None:
    async def held(*wanted: tuple[str, timedelta | None]) -> Suppression:
        number = f"+49151{uuid4().int % 10**8:08d}"
        async with ledger.uow() as tx:
            for reason, life in wanted:
                await tx.operations.suppress(
                    Suppression(
                        new_id(), Channel.SMS, reason, "test", now(), address=number,
                        expires_at=now() + life if life is not None else None,
                    )
                )  # fmt: skip
            found = await tx.operations.suppression(Channel.SMS, number, now())
            lifted = await tx.operations.lift_opt_out(Channel.SMS, number, now() + MINUTE)
        assert found is not None
        assert lifted is (found.reason == "opted_out")
        return found

    assert (await held(("opted_out", None), ("bounced", None))).reason == "bounced"
    assert (await held(("bounced", None), ("opted_out", None))).reason == "bounced"
    assert (await held(("bounced", None), ("complained", None))).reason == "complained"
    assert (await held(("asked us", None), ("complained", None))).reason == "asked us"
    assert (await held(("asked us", MINUTE), ("opted_out", None))).reason == "opted_out"
    assert (await held(("opted_out", None), ("asked us", MINUTE))).reason == "opted_out"
    assert (await held(("bounced", -MINUTE), ("opted_out", None))).reason == "opted_out"
    assert (await held(("opted_out", None))).reason == "opted_out"


async def test_only_an_older_opt_out_is_lifted(ledger: Ledger) -> None:
    number, at = "+4915112345697", now()
    async with ledger.uow() as tx:
        await tx.operations.suppress(
            Suppression(new_id(), Channel.SMS, "opted_out", "test", at, address=number)
        )
        assert not await tx.operations.lift_opt_out(Channel.SMS, number, at)
        assert await tx.operations.suppression(Channel.SMS, number, at)
        assert await tx.operations.lift_opt_out(Channel.SMS, number, at + MINUTE)
        assert await tx.operations.suppression(Channel.SMS, number, at) is None
