"""What the connections of one process are told, whatever became of a frame."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from api.live.connection import BEHIND
from api.live.hub import LiveHub
from domain.ports.inbox import LiveFrame
from runtime.container import Container
from tests.api.conftest import Actor


class Listener:
    def __init__(self, seq: int = 0) -> None:
        self.seq = seq
        self.frames: asyncio.Queue[LiveFrame] = asyncio.Queue()

    def heard(self, frame: LiveFrame) -> None:
        self.seq = max(self.seq, frame.seq)
        self.frames.put_nowait(frame)


@pytest.fixture
async def process(container: Container) -> AsyncIterator[Container]:
    """A second process of the API, with a bus of its own."""
    async with Container.open(container.settings) as second:
        yield second


async def stored(actor: Actor, container: Container, user: str) -> str:
    """An item of which no frame is ever published."""
    item: str = (await actor.send(user, channels=["websocket"]))["id"]
    async with container.uow() as tx:
        await tx.inbox.add(user, UUID(item), datetime.now(UTC), title="T", body="B")
    return item


async def test_an_item_that_was_never_published_is_seen_before_long(
    process: Container, actor: Actor
) -> None:
    user, quick = await actor.user(), timedelta(milliseconds=50)
    news = process.announcement_inbox
    async with LiveHub(process.inbox_bus, process.inbox, news, quick) as hub:
        reader, knows = Listener(), Listener(seq=1)
        async with hub.joined(user, reader), hub.joined(user, knows):
            await stored(actor, process, user)
            told = await asyncio.wait_for(reader.frames.get(), 5)
            assert (told.kind, told.seq) == (BEHIND, 1)
            await asyncio.sleep(4 * quick.total_seconds())
            assert reader.frames.empty(), "it is told once"
            assert knows.frames.empty(), "and only who lacks it"


async def test_a_return_of_the_bus_tells_nothing_from_before_anybody_was_there(
    process: Container, actor: Actor
) -> None:
    user, at = await actor.user(), datetime.now(UTC)
    item = await stored(actor, process, user)
    async with process.uow() as tx:
        await tx.inbox.mark_read(user, [UUID(item)], at - timedelta(hours=1))
    async with LiveHub(process.inbox_bus, process.inbox, process.announcement_inbox) as hub:
        process.inbox_bus.when_back(at - timedelta(hours=2))
        reader = Listener()
        async with hub.joined(user, reader):
            process.inbox_bus.when_back(at)
            told = await asyncio.wait_for(reader.frames.get(), 5)
            assert (told.kind, told.seq) == (BEHIND, 1)
            while hub._catching is not None:
                await asyncio.sleep(0.01)
            assert reader.frames.empty()
