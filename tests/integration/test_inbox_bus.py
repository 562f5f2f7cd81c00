"""The live bus on a Valkey of its own, which is killed, hangs, and comes back."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path

import orjson
import pytest
from redis.asyncio import Redis

from domain.ids import INBOX_BROADCAST, inbox_topic
from domain.ports.inbox import LiveFrame
from runtime.embedded.stack import EmbeddedStack
from storage.inbox_bus import AT_ONCE, InboxBus, live_frame
from tests.integration.own_valkey import client, own_valkey

USER = "ada"


@pytest.fixture(scope="module")
async def valkey(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[EmbeddedStack]:
    async with own_valkey(Path(tmp_path_factory.mktemp("bus"))) as running:
        yield running


@pytest.fixture
async def redis(valkey: EmbeddedStack) -> AsyncIterator["Redis"]:
    async with client(valkey.redis_url) as opened:
        yield opened


class Listener:
    """A reader that keeps what it hears."""

    seq = 0

    def __init__(self) -> None:
        self.frames: asyncio.Queue[LiveFrame] = asyncio.Queue()

    def heard(self, frame: LiveFrame) -> None:
        self.frames.put_nowait(frame)

    async def next(self, within: float = 5) -> dict[str, object]:
        frame = await asyncio.wait_for(self.frames.get(), within)
        shown: dict[str, object] = orjson.loads(frame.text)
        return shown


class Returns:
    """Counts a bus's returns after the first."""

    def __init__(self, bus: InboxBus) -> None:
        self.since: asyncio.Queue[datetime] = asyncio.Queue()
        bus.when_back = self.since.put_nowait


async def until(condition: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(10):
        while not await condition():
            await asyncio.sleep(0.02)


def notification(seq: int) -> dict[str, object]:
    return {"type": "notification", "seq": seq, "data": {"title": "Grüße"}}


async def test_a_frame_reaches_every_reader_of_that_user(
    redis: "Redis", valkey: EmbeddedStack
) -> None:
    async with AsyncExitStack() as opened:
        ours = await opened.enter_async_context(InboxBus(redis))
        remote = await opened.enter_async_context(client(valkey.redis_url))
        theirs = await opened.enter_async_context(InboxBus(remote))
        readers = [Listener() for _ in range(3)]
        for bus, reader in zip((ours, ours, theirs), readers, strict=True):
            await opened.enter_async_context(bus.listen(USER, reader))
        stranger = Listener()
        await opened.enter_async_context(ours.listen("bob", stranger))
        assert await theirs.publish(USER, notification(7)) == 2
        assert [await reader.next() for reader in readers] == [notification(7)] * 3
        assert stranger.frames.empty()
        assert await redis.pubsub_numpat() == 2, "patterns are the server's, whoever has them"
        subscribed = [line for line in await redis.client_list() if int(line["psub"])]
        assert len(subscribed) == 2, "one subscription for each process"


async def test_a_reader_that_left_hears_nothing_more(redis: "Redis") -> None:
    async with InboxBus(redis) as bus:
        gone, stays = Listener(), Listener()
        async with bus.listen(USER, stays):
            async with bus.listen(USER, gone):
                pass
            await bus.publish(USER, notification(1))
            assert await stays.next() == notification(1)
        assert gone.frames.empty()
        assert not bus.readers


async def test_frames_published_right_after_listening_began_arrive(
    redis: "Redis", valkey: EmbeddedStack
) -> None:
    for n in range(1, 21):
        reader, remote = Listener(), client(valkey.redis_url)
        async with remote, InboxBus(remote) as bus, bus.listen(USER, reader):
            assert await InboxBus(redis).publish(USER, notification(n)) == 1
            assert await reader.next() == notification(n)


async def test_a_broadcast_reaches_everybody_in_every_process(
    redis: "Redis", valkey: EmbeddedStack
) -> None:
    frame = {"type": "broadcast", "id": "b", "data": {"title": "Hello"}}
    async with AsyncExitStack() as opened:
        ours = await opened.enter_async_context(InboxBus(redis))
        remote = await opened.enter_async_context(client(valkey.redis_url))
        theirs = await opened.enter_async_context(InboxBus(remote))
        readers = [Listener() for _ in range(2 * AT_ONCE + 1)]
        for place, reader in enumerate(readers):
            bus = theirs if place % 2 else ours
            await opened.enter_async_context(bus.listen(f"user-{place}", reader))
        assert await ours.broadcast(frame) == 2
        heard = [await reader.frames.get() for reader in readers]
        assert {orjson.loads(one.text)["id"] for one in heard} == {"b"}
        assert len({id(one.text) for one in heard}) == 2, "read once in each process"


async def test_who_caused_a_frame_is_known_to_readers_and_not_shown() -> None:
    frame = live_frame(b'{"type": "read", "id": "7", "origin": "laptop"}')
    assert frame == LiveFrame("read", '{"type":"read","id":"7"}', 0, "laptop")


@pytest.mark.parametrize(
    "data", [b"{broken", b"[]", b"{}", b'{"type": 1}', b'{"type": "x", "seq": "1"}', b"\xff"]
)
async def test_a_frame_nobody_understands_harms_nobody(redis: "Redis", data: bytes) -> None:
    reader = Listener()
    async with InboxBus(redis) as bus, bus.listen(USER, reader):
        await redis.publish(inbox_topic(USER), data)
        await redis.publish(INBOX_BROADCAST, data)
        await bus.publish(USER, notification(1))
        assert await reader.next() == notification(1)


async def test_a_reader_that_fails_leaves_the_others_their_frames(redis: "Redis") -> None:
    class Broken(Listener):
        def heard(self, frame: LiveFrame) -> None:
            raise RuntimeError("not ready for that")

    reader = Listener()
    async with InboxBus(redis) as bus, bus.listen("bob", Broken()), bus.listen(USER, reader):
        returns = Returns(bus)
        await bus.publish("bob", notification(1))
        await asyncio.wait_for(returns.since.get(), 5)
        await bus.publish(USER, notification(2))
        assert await reader.next() == notification(2)


async def test_it_says_since_when_it_may_have_missed_frames(valkey: EmbeddedStack) -> None:
    reader = Listener()
    async with client(valkey.redis_url) as own, InboxBus(own) as bus:
        returns = Returns(bus)
        async with bus.listen(USER, reader):
            await returns.since.get()
            await bus.publish(USER, notification(1))
            await reader.next()
            heard = datetime.now(UTC)
            valkey.kill("valkey")
            await until(lambda: refused(bus))
            await valkey.wait_ready("valkey")
            since = await asyncio.wait_for(returns.since.get(), 10)
            assert heard - timedelta(seconds=1) < since <= heard
            await until(lambda: published(bus))
            assert await reader.next() == notification(1)


async def test_a_valkey_that_hangs_is_left_and_found_again(
    valkey: EmbeddedStack, caplog: pytest.LogCaptureFixture
) -> None:
    async def lost() -> bool:
        return "inbox_bus.lost" in caplog.messages

    quiet, reader = timedelta(milliseconds=200), Listener()
    async with client(valkey.redis_url) as own, InboxBus(own, quiet) as bus:
        returns = Returns(bus)
        async with bus.listen(USER, reader):
            await returns.since.get()
            pid = valkey.pid("valkey")
            first = await _subscriber(own)
            os.kill(pid, signal.SIGSTOP)
            try:
                await until(lost)
            finally:
                os.kill(pid, signal.SIGCONT)
            await asyncio.wait_for(returns.since.get(), 10)
            await until(lambda: published(bus))
            assert await reader.next() == notification(1)
            assert await _subscriber(own) != first


async def test_a_quiet_bus_keeps_its_subscription(valkey: EmbeddedStack) -> None:
    quiet = timedelta(milliseconds=50)
    async with client(valkey.redis_url) as own, InboxBus(own, quiet) as bus:
        returns = Returns(bus)
        async with bus.listen(USER, Listener()):
            await returns.since.get()
            first = await _subscriber(own)
            await asyncio.sleep(10 * quiet.total_seconds())
            assert await _subscriber(own) == first
            assert returns.since.empty()


async def test_without_valkey_a_connection_still_opens(valkey: EmbeddedStack) -> None:
    async with client("redis://127.0.0.1:1/0") as nowhere, InboxBus(nowhere) as bus:
        async with asyncio.timeout(10), bus.listen(USER, Listener()):
            assert set(bus.readers) == {USER}
        with pytest.raises(ConnectionError):
            await bus.broadcast({"type": "broadcast"})


async def _subscriber(redis: "Redis") -> str:
    """The id of the one connection that is subscribed."""
    [line] = [line for line in await redis.client_list() if int(line["psub"])]
    return str(line["id"])


async def refused(bus: InboxBus) -> bool:
    try:
        await bus.publish(USER, notification(0))
    except ConnectionError:
        return True
    return False


async def published(bus: InboxBus) -> bool:
    try:
        return await bus.publish(USER, notification(1)) == 1
    except ConnectionError:
        return False
