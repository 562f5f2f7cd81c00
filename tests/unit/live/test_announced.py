"""Announcements on one connection: what was stored and what is live overlap, and each is told
once, in order."""

import asyncio
from typing import Any
from uuid import UUID

import orjson
from hypothesis import given
from hypothesis import strategies as st
from starlette.websockets import WebSocket

from api.live.connection import Connection
from domain.ports.inbox import LiveFrame
from domain.records.inbox import InboxItem
from services.announcements.inbox import Announced
from services.people.inbox import InboxCounts


def told(version: int) -> dict[str, Any]:
    return {"type": "announcement", "version": version}


def live(version: int) -> LiveFrame:
    return LiveFrame("published", orjson.dumps(told(version)).decode(), version=version)


class Store:
    """Announcements up to a version, none of them read."""

    def __init__(self, stored: int) -> None:
        self.stored = stored
        self.asked: list[int | None] = []

    async def counts(self, user_id: str) -> InboxCounts:
        await asyncio.sleep(0)
        return InboxCounts(self.stored, self.stored, 0, self.stored)

    async def after(self, user_id: str, seq: int, limit: int) -> tuple[InboxItem, ...]:
        return ()

    async def announced(self, user_id: str, after: int | None) -> Announced:
        self.asked.append(after)
        await asyncio.sleep(0)
        frames = tuple(told(n) for n in range((after or 0) + 1, self.stored + 1))
        return Announced(self.stored, frames)

    async def mark_read(
        self, user_id: str, ids: list[UUID], origin: str | None = None
    ) -> tuple[UUID, ...]:
        return ()


async def session(store: Store, after: int | None, heard: list[int], early: int) -> list[Any]:
    """The frames of a connection that hears these versions, the first so many before it is
    asked anything."""
    frames: list[Any] = []
    inbound: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
    inbound.put_nowait({"type": "websocket.connect"})

    async def take(message: Any) -> None:
        await asyncio.sleep(0)
        if message["type"] == "websocket.send":
            frames.append(orjson.loads(message["text"]))

    scope = {"type": "websocket", "path": "/", "headers": [], "query_string": b""}
    connection = Connection(WebSocket(scope, inbound.get, take), store, "ada")
    for version in heard[:early]:
        connection.heard(live(version))
    running = asyncio.create_task(connection.run(None, after))
    for version in heard[early:]:
        connection.heard(live(version))
        await asyncio.sleep(0)
    for _ in range(60):
        await asyncio.sleep(0)
    inbound.put_nowait({"type": "websocket.disconnect", "code": 1000})
    await running
    return frames


@given(st.integers(0, 6), st.integers(0, 6), st.integers(0, 6), st.integers(0, 6), st.booleans())
def test_each_is_told_once_and_in_order(
    stored: int, overlap: int, more: int, early: int, resumed: bool
) -> None:
    """Live ones begin at or before the first that was not stored yet."""
    after = min(2, stored) if resumed else None
    heard = list(range(max(1, stored + 1 - overlap), stored + more + 1))
    # Before it reads, it can only hear of what is stored by the time it does.
    early = min(early, sum(version <= stored for version in heard))
    store = Store(stored)
    first, *rest = asyncio.run(session(store, after, heard, early))
    assert first == {"type": "ready", "seq": 0, "unread": stored}
    assert rest == [told(n) for n in range((after or 0) + 1, stored + more + 1)]


def test_who_has_none_unread_is_not_asked_about() -> None:
    store = Store(0)
    assert len(asyncio.run(session(store, None, [], 0))) == 1
    assert store.asked == []
