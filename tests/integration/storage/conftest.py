"""Small makers for rows, and a second process's view of the same database."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest

from domain.content import Content
from domain.enums import Category, Channel, DeliveryStatus, NotificationStatus, Priority, Strategy
from domain.ids import new_id
from domain.records.notifications import Delivery, Notification
from domain.records.people import User
from storage.encryption import KeyRing
from storage.engine import open_pool
from storage.uow import SqlUnitOfWork

MASTER = {"test": b"m" * 32}


def now() -> datetime:
    return datetime.now(UTC)


def a_user(user_id: str | None = None, **fields: Any) -> User:
    name = user_id or f"user-{uuid4().hex[:12]}"
    return User(name, now(), now(), **{"email": f"{name}@example.com", **fields})


def a_notification(user_id: str, **fields: Any) -> Notification:
    given: dict[str, Any] = {
        "id": new_id(), "user_id": user_id, "type": "application_update",
        "category": Category.APPLICATIONS, "priority": Priority.HIGH,
        "channels": (Channel.EMAIL,), "strategy": Strategy.ALL,
        "status": NotificationStatus.ACCEPTED, "created_at": now(), "updated_at": now(),
        "content_hash": uuid4().hex,
    }  # fmt: skip
    return Notification(**given | fields)


def a_delivery(notification_id: UUID, **fields: Any) -> Delivery:
    given: dict[str, Any] = {
        "id": new_id(), "notification_id": notification_id, "channel": Channel.EMAIL,
        "target": "primary", "status": DeliveryStatus.PENDING,
        "created_at": now(), "updated_at": now(),
    }  # fmt: skip
    return Delivery(**given | fields)


class Ledger:
    """The unit of work with the few steps every test begins with."""

    def __init__(self, uow: SqlUnitOfWork) -> None:
        self.uow = uow

    async def user(self, user_id: str | None = None, **fields: Any) -> str:
        async with self.uow() as tx:
            return (await tx.users.put(a_user(user_id, **fields))).id

    async def notification(
        self, user_id: str, content: Content | None = None, **fields: Any
    ) -> Notification:
        item = a_notification(user_id, **fields)
        async with self.uow() as tx:
            await tx.notifications.insert([(item, content or Content(title="T", content="C"))])
        return item

    async def delivery(self, notification: Notification, **fields: Any) -> Delivery:
        line = a_delivery(notification.id, **fields)
        async with self.uow() as tx:
            await tx.deliveries.add([line])
        return line


@asynccontextmanager
async def process(database: str, master: dict[str, bytes] | None = None) -> AsyncIterator[Ledger]:
    """A process of its own on this database: own pool, own memory of keys."""
    pool = await open_pool(database, 30)
    try:
        yield Ledger(SqlUnitOfWork(pool, KeyRing(master or MASTER)))
    finally:
        pool.terminate()


@pytest.fixture(scope="module")
async def ledger(database: str) -> AsyncIterator[Ledger]:
    async with process(database) as opened:
        yield opened


@pytest.fixture
def another(database: str) -> Callable[..., AbstractAsyncContextManager[Ledger]]:
    return lambda **given: process(database, **given)


@pytest.fixture
async def sql(database: str) -> AsyncIterator[asyncpg.Connection]:
    """A plain connection: what an operator with a client sees."""
    connection = await asyncpg.connect(database)
    yield connection
    await connection.close()
