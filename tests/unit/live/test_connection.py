"""The order of one connection: whatever the bus repeats, reorders or loses, and whenever the
client goes away and comes back, it sees every item once, in order."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import orjson
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from starlette.websockets import WebSocket

from api.live import connection
from api.live.connection import (
    BEHIND,
    BYTES_WAITING,
    FRAMES_WAITING,
    SLOW_READER,
    Connection,
)
from domain.content import Content
from domain.enums import Category, Channel, NotificationStatus, Priority, Strategy
from domain.errors import Unavailable
from domain.ports.inbox import LiveFrame
from domain.records.inbox import InboxItem
from domain.records.notifications import Notification, NotificationView
from services.people.inbox import InboxCounts, notification_frame, read_frame
from storage.inbox_bus import live_frame

NOW = datetime(2026, 12, 1, tzinfo=UTC)
FIRST = Notification(
    id=UUID(int=0), user_id="ada", type="job_match", category=Category.JOBS,
    priority=Priority.HIGH, channels=(Channel.WEBSOCKET,), strategy=Strategy.ALL,
    status=NotificationStatus.SENT, created_at=NOW, updated_at=NOW, content_hash="",
)  # fmt: skip


class Inbox:
    """A store that many tasks may be in the middle of reading."""

    def __init__(self) -> None:
        self.items: list[InboxItem] = []
        self.read: list[tuple[UUID, str | None]] = []
        self.away = False

    def add(self) -> LiveFrame:
        seq = len(self.items) + 1
        view = NotificationView(replace(FIRST, id=UUID(int=seq)), Content(title=f"T {seq}"))
        self.items.append(InboxItem(seq, view, NOW))
        return live_frame(orjson.dumps(notification_frame(self.items[-1])))

    async def counts(self, user_id: str) -> InboxCounts:
        counts = InboxCounts(len(self.items), len(self.items), len(self.items))
        await asyncio.sleep(0)
        return counts

    async def after(self, user_id: str, seq: int, limit: int) -> tuple[InboxItem, ...]:
        await asyncio.sleep(0)
        if self.away:
            raise Unavailable("database_unavailable", "Away.")
        found = tuple(self.items[seq : seq + limit])
        await asyncio.sleep(0)
        return found

    async def mark_read(
        self, user_id: str, ids: list[UUID], origin: str | None = None
    ) -> tuple[UUID, ...]:
        self.read += [(item, origin) for item in ids]
        return tuple(ids)


class Peer:
    """The other end of a connection, as the server's ASGI messages show it."""

    def __init__(self) -> None:
        self.frames: list[dict[str, Any]] = []
        self.closed: tuple[int, str] | None = None
        self.vanished = False
        self.reads = asyncio.Event()
        self.reads.set()
        self._inbound: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self._inbound.put_nowait({"type": "websocket.connect"})
        scope = {"type": "websocket", "path": "/", "headers": [], "query_string": b""}
        self.socket = WebSocket(scope, self._inbound.get, self._take)

    async def _take(self, message: Any) -> None:
        await self.reads.wait()
        await asyncio.sleep(0)
        if self.vanished:
            raise OSError("the peer is not there any more")
        if message["type"] == "websocket.send":
            self.frames.append(orjson.loads(message["text"]))
        elif message["type"] == "websocket.close":
            self.closed = (message["code"], message["reason"])
            self.go()

    def say(self, **frame: Any) -> None:
        self._inbound.put_nowait(
            {"type": "websocket.receive", "text": orjson.dumps(frame).decode()}
        )

    def go(self) -> None:
        self._inbound.put_nowait({"type": "websocket.disconnect", "code": 1000})

    @property
    def seqs(self) -> list[int]:
        return [frame["seq"] for frame in self.frames if frame["type"] == "notification"]


class Session:
    """A connection of a client, from its opening to its end."""

    def __init__(self, inbox: Inbox, after: int | None = None) -> None:
        self.peer = Peer()
        self.connection = Connection(self.peer.socket, inbox, "ada")
        self.running = asyncio.create_task(self.connection.run(after))

    async def leave(self) -> list[int]:
        self.peer.go()
        await self.running
        return self.peer.seqs


async def settled() -> None:
    for _ in range(60):
        await asyncio.sleep(0)


async def until(condition: Callable[[], object]) -> None:
    """Counted in turns of the loop, not in seconds: what never comes fails at once."""
    for _ in range(10_000):
        if condition():
            return
        await asyncio.sleep(0)
    raise AssertionError("It never came.")


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["store", "publish", "repeat", "lose", "return", "reconnect", "wait"]),
        st.integers(0, 7),
    ),
    max_size=60,
)


@given(steps=STEPS)
@example(steps=[("store", 0)] * 4)
@example(steps=[("store", 0)] * 7 + [("reconnect", 0), ("publish", 2)])
def test_every_item_arrives_once_and_in_order(steps: list[tuple[str, int]]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(connection, "SLICE", 3)
        asyncio.run(_follow(steps))


async def _follow(steps: list[tuple[str, int]]) -> None:
    inbox, waiting, seen = Inbox(), [], []
    session = Session(inbox, 0)
    published: list[LiveFrame] = []
    for step, number in steps:
        if step == "store":
            waiting.append(inbox.add())
        elif step in {"publish", "lose"} and waiting:
            frame = waiting.pop(number % len(waiting))
            if step == "publish":
                published.append(frame)
                session.connection.heard(frame)
        elif step == "repeat" and published:
            session.connection.heard(published[number % len(published)])
        elif step == "return":
            session.connection.heard(LiveFrame(BEHIND, "", len(inbox.items)))
        elif step == "reconnect":
            seen += await session.leave()
            session = Session(inbox, len(seen))
        elif step == "wait":
            for _ in range(number):
                await asyncio.sleep(0)
    session.connection.heard(LiveFrame(BEHIND, "", len(inbox.items)))
    await until(lambda: len(seen) + len(session.peer.seqs) >= len(inbox.items))
    await settled()
    seen += await session.leave()
    assert seen == list(range(1, len(inbox.items) + 1))


async def test_a_frame_in_its_turn_is_passed_on_as_it_came() -> None:
    inbox = Inbox()
    session = Session(inbox)
    await until(lambda: session.peer.frames)
    inbox.away = True
    session.connection.heard(inbox.add())
    await until(lambda: session.peer.seqs == [1])
    shown = notification_frame(inbox.items[0])
    assert session.peer.frames[1:] == [orjson.loads(orjson.dumps(shown))]
    await session.leave()


async def test_what_was_removed_before_it_was_seen_is_not_waited_for() -> None:
    inbox = Inbox()
    session = Session(inbox)
    await until(lambda: session.peer.frames)
    session.connection.heard(LiveFrame("notification", "{}", 5))
    await settled()
    assert session.peer.seqs == []
    assert session.connection.seq == 5
    await session.leave()


@pytest.mark.parametrize(
    ("size", "count"), [(10, FRAMES_WAITING), (BYTES_WAITING // 4, 4)], ids=["frames", "bytes"]
)
async def test_a_peer_that_does_not_read_is_closed_and_nothing_more_is_kept(
    size: int, count: int
) -> None:
    session = Session(Inbox())
    await until(lambda: session.peer.frames)
    session.peer.reads.clear()
    frame = LiveFrame("broadcast", '{"type":"broadcast","x":"' + "x" * size + '"}')
    session.connection.heard(frame)
    await settled()
    for _ in range(count):
        session.connection.heard(frame)
    for _ in range(1000):
        session.connection.heard(frame)
    assert not session.connection._waiting
    await settled()
    assert session.peer.closed is None
    session.peer.reads.set()
    await session.running
    assert session.peer.closed == (SLOW_READER, "slow_reader")
    assert len(session.peer.frames) <= 2


async def test_a_store_that_fails_ends_the_connection_so_that_the_client_resumes() -> None:
    inbox = Inbox()
    session = Session(inbox)
    await until(lambda: session.peer.frames)
    inbox.add()
    inbox.away = True
    session.connection.heard(inbox.add())
    await session.running
    assert session.peer.closed == (1011, "database_unavailable")
    assert session.peer.seqs == []
    inbox.away = False
    again = Session(inbox, 0)
    await until(lambda: again.peer.seqs == [1, 2])
    await again.leave()


async def test_its_own_reading_is_not_told_to_it() -> None:
    inbox, item = Inbox(), uuid4()
    session = Session(inbox)
    session.peer.say(type="read", id=str(item))
    await until(lambda: inbox.read)
    [(_, origin)] = inbox.read
    for caused_by in (origin, "another", None):
        session.connection.heard(live_frame(orjson.dumps(read_frame(item, caused_by))))
    await settled()
    assert session.peer.frames[1:] == [{"type": "read", "id": str(item)}] * 2
    await session.leave()


async def test_a_peer_that_vanished_is_no_failure_of_ours(caplog: pytest.LogCaptureFixture) -> None:
    """What comes between the loss and word of it, from the bus or as an answer, is dropped."""
    session = Session(Inbox())
    await until(lambda: session.peer.frames)
    session.peer.vanished = True
    for _ in range(3):
        session.connection.heard(LiveFrame("broadcast", "{}"))
        await settled()
    session.peer.say(type="ping")
    await session.running
    assert not caplog.records
    assert session.peer.closed is None


async def test_nothing_runs_for_a_connection_that_is_gone() -> None:
    """Not even for frames it hears while it ends."""
    before = asyncio.all_tasks()
    session = Session(Inbox())
    await until(lambda: session.peer.frames)
    session.peer.reads.clear()
    session.connection.heard(LiveFrame("broadcast", "{}"))
    await settled()
    session.peer.go()
    while not session.running.done():
        session.connection.heard(LiveFrame("broadcast", "{}"))
        await asyncio.sleep(0)
    session.connection.heard(LiveFrame("broadcast", "{}"))
    assert asyncio.all_tasks() == before
