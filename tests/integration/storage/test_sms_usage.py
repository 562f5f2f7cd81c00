"""Limits by number are exact: under concurrency, across processes, and when asked twice."""

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from datetime import datetime, timedelta
from uuid import UUID, uuid4

import asyncpg

from domain.ids import new_id
from domain.sms.limits import DEFAULT_LIMITS, NumberLimit
from tests.integration.storage.conftest import Ledger, now

HOUR = timedelta(hours=1)
TWO = (NumberLimit(2, HOUR),)


async def reserve(
    ledger: Ledger,
    number: str,
    notification_id: UUID | None = None,
    at: datetime | None = None,
    limits: tuple[NumberLimit, ...] = TWO,
) -> datetime | None:
    async with ledger.uow() as tx:
        return await tx.sms_usage.reserve(number, notification_id or new_id(), at or now(), limits)


async def test_of_thirty_at_once_ten_go(
    ledger: Ledger, another: Callable[..., AbstractAsyncContextManager[Ledger]]
) -> None:
    number, at = uuid4().hex, now()
    async with another() as other:
        answers = await asyncio.gather(
            *(
                reserve(process, number, at=at, limits=DEFAULT_LIMITS)
                for process in [ledger, other] * 15
            )
        )
    assert answers.count(None) == 10
    assert {answer for answer in answers if answer} == {at + HOUR}


async def test_the_same_notification_counts_once_and_stays_allowed(
    ledger: Ledger, sql: asyncpg.Connection
) -> None:
    number, mine, at = uuid4().hex, new_id(), now()
    assert await reserve(ledger, number, mine, at) is None
    assert await reserve(ledger, number, mine, at) is None
    assert await reserve(ledger, number, at=at) is None
    assert await reserve(ledger, number, at=at) == at + HOUR
    assert await reserve(ledger, number, mine, at) is None
    assert await reserve(ledger, number, mine, at + 3 * HOUR) is None
    counted = await sql.fetchval(
        "select count(*) from sms_number_usage where number_hash = $1", number
    )
    assert counted == 2


async def test_a_refusal_names_the_instant_at_which_it_is_let_through(ledger: Ledger) -> None:
    number, at = uuid4().hex, now()
    for minutes in (50, 10):
        assert await reserve(ledger, number, at=at - timedelta(minutes=minutes)) is None
    free_at = await reserve(ledger, number, at=at)
    assert free_at == at + timedelta(minutes=10)
    assert await reserve(ledger, number, at=free_at - timedelta(seconds=1)) == free_at
    assert await reserve(ledger, number, at=free_at) is None


async def test_without_limits_it_is_counted_all_the_same(ledger: Ledger) -> None:
    number, at = uuid4().hex, now()
    for _ in range(3):
        assert await reserve(ledger, number, at=at, limits=()) is None
    assert await reserve(ledger, number, at=at) == at + HOUR


async def test_what_was_not_sent_is_given_back(ledger: Ledger) -> None:
    number, mine, at = uuid4().hex, new_id(), now()
    await reserve(ledger, number, mine, at)
    await reserve(ledger, number, at=at)
    assert await reserve(ledger, number, at=at) is not None
    async with ledger.uow() as tx:
        await tx.sms_usage.release(number, mine)
    assert await reserve(ledger, number, at=at) is None


async def test_one_number_does_not_count_for_another(ledger: Ledger) -> None:
    async with ledger.uow() as tx:
        one, other = (tx.sms_usage.hash_of(n) for n in ("+4915123456789", "+4915123456780"))
        assert one == tx.sms_usage.hash_of("+4915123456789") != other
    assert "15123456789" not in one
    limits = (NumberLimit(1, HOUR),)
    assert await reserve(ledger, one, limits=limits) is None
    assert await reserve(ledger, one, limits=limits) is not None
    assert await reserve(ledger, other, limits=limits) is None


async def test_what_is_old_is_dropped(ledger: Ledger) -> None:
    number, at = uuid4().hex, now() - timedelta(days=4000)
    await reserve(ledger, number, at=at)
    await reserve(ledger, number, at=at + HOUR)
    async with ledger.uow() as tx:
        assert await tx.sms_usage.forget(at + HOUR) == 1
    assert await reserve(ledger, number, at=at + HOUR, limits=(NumberLimit(1, HOUR),)) is not None
