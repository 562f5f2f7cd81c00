"""What the hot path asks of the database, statement by statement: each one is a round trip."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

from domain.content import Content
from domain.enums import (
    Channel,
    DeliveryStatus,
    EventType,
    NotificationStatus,
    PlanOutcome,
    PlanTrigger,
)
from domain.ids import new_id
from domain.plan_types import Plan
from domain.ports.deliveries import AttemptResult
from domain.ports.planning import PlanDraft, PlannedDelivery
from domain.records.events import Event
from domain.records.notifications import Notification
from domain.records.people import User
from storage.encryption import KeyRing
from storage.engine import open_pool
from storage.uow import SqlUnitOfWork
from tests.integration.storage.conftest import MASTER, a_notification, a_user, now

Since = Callable[[], Awaitable[int]]
"""How many statements were asked since the last call."""


@asynccontextmanager
async def counted(database: str, user: User) -> AsyncIterator[tuple[SqlUnitOfWork, Since]]:
    asked: list[str] = []
    pool = await open_pool(database, 1)
    uow = SqlUnitOfWork(pool, KeyRing(MASTER))
    async with uow() as tx:
        await tx.users.put(user)
        await tx.planning.load(new_id())  # a new connection learns its types, once
    async with pool.acquire() as connection:
        connection.add_query_logger(lambda record: asked.append(record.query))

    async def since() -> int:
        await asyncio.sleep(0)
        count = len([q for q in asked if q.strip(";") not in {"BEGIN", "COMMIT"}])
        asked.clear()
        return count

    yield uow, since
    await asyncio.sleep(0)
    pool.terminate()


async def test_one_notification_from_accepting_to_sent(database: str) -> None:
    user = a_user()
    async with counted(database, user) as (uow, since):
        costs = await costs_of(uow, since, a_notification(user.id))
    assert costs == {
        "accept": 3, "facts": 1, "duplicate": 1, "plan": 1, "job": 1, "intent": 2, "result": 1,
    }  # fmt: skip


async def costs_of(uow: SqlUnitOfWork, since: Since, item: Notification) -> dict[str, int]:
    line, at = new_id(), now()
    event = Event(EventType.NOTIFICATION_REQUESTED, item.user_id, at, item.id)
    costs: dict[str, int] = {}
    async with uow() as tx:
        await since()
        await tx.idempotency.claim(scope="s", key="k", body_hash="h", now=at, resource_id="r")
        await tx.notifications.insert([(item, Content(title="T", content="C"))])
        await tx.events.append([event])
        costs["accept"] = await since()
    async with uow() as tx:
        await since()
        assert await tx.planning.load(item.id)
        costs["facts"] = await since()
        assert await tx.planning.claim_content(item, timedelta(hours=1)) is None
        costs["duplicate"] = await since()
        plan = Plan(outcome=PlanOutcome.DELIVER, reason="r")
        ledger = PlannedDelivery(line, Channel.EMAIL, "primary", DeliveryStatus.PENDING, None, None)
        assert await tx.planning.save(
            PlanDraft(
                item, plan, PlanTrigger.ACCEPTED, at, NotificationStatus.PROCESSING,
                None, None, (ledger,), (event,),
            )
        )  # fmt: skip
        costs["plan"] = await since()
    async with uow() as tx:
        await since()
        job = await tx.deliveries.load_job(item.id, Channel.EMAIL)
        assert job is not None
        assert job.content.title == "T"
        costs["job"] = await since()
        assert await tx.deliveries.write_intent(item.id, {line: "resend"}, at)
        costs["intent"] = await since()
        given: dict[str, Any] = {"provider": "resend", "at": at, "outcome": "accepted"}
        assert await tx.deliveries.record([AttemptResult(line, DeliveryStatus.SENT, **given)])
        costs["result"] = await since()
    return costs


async def test_a_transaction_itself_is_a_beginning_and_an_end(database: str) -> None:
    asked: list[str] = []
    pool = await open_pool(database, 1)
    uow = SqlUnitOfWork(pool, KeyRing(MASTER))
    async with pool.acquire() as connection:
        connection.add_query_logger(lambda record: asked.append(record.query))
    for _ in range(2):
        async with uow() as tx:
            await tx.operations.paused()
    await asyncio.sleep(0)
    pool.terminate()
    assert [query.strip(";") for query in asked if "paused" not in query] == ["BEGIN", "COMMIT"] * 2
