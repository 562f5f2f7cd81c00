"""The connections of this process before their stores: how many ask at once, and how all catch up
after the bus was away.

The database is asked by a few connections at a time, so that thousands that come back together
wait here and not in front of the calls of everybody else.
"""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from itertools import islice
from types import TracebackType
from typing import Final, Self
from uuid import UUID

import orjson

from api.live.announcements import AnnouncementDesk
from api.live.connection import BEHIND
from domain.errors import Unavailable
from domain.ports.inbox import LiveFrame, Reader
from domain.records import InboxChange, InboxItem
from services.announcement_inbox import Announced, AnnouncementInbox
from services.inbox import InboxCounts, InboxService, read_frame, removed_frame
from storage.inbox_bus import InboxBus, live_frame

AT_ONCE: Final = 8
USERS_AT_ONCE: Final = 1_000
SKEW: Final = timedelta(seconds=5)
"""By how much the clocks of two machines may differ."""
TRY_AGAIN_AFTER: Final = 1.0

log = logging.getLogger(__name__)


class LiveHub:
    """Implements a connection's `Store`. `async with` it for as long as connections are open."""

    def __init__(
        self, bus: InboxBus, inbox: InboxService, announcements: AnnouncementInbox
    ) -> None:
        self._bus = bus
        self._inbox = inbox
        self._announcements = announcements
        self._gate = asyncio.Semaphore(AT_ONCE)
        self._desk = AnnouncementDesk(bus, announcements, self._gate)
        self._since: datetime | None = None
        self._catching: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self._bus.when_back = self._when_back
        self._bus.when_announced = self._desk.changed
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._desk.aclose()
        if self._catching is not None:
            self._catching.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._catching

    @asynccontextmanager
    async def joined(self, user_id: str, reader: Reader) -> AsyncIterator[None]:
        """Inside the block the reader hears what happens in the user's inbox."""
        async with self._bus.listen(user_id, reader):
            await self._desk.opened()
            yield

    async def counts(self, user_id: str) -> InboxCounts:
        async with self._gate:
            return await self._inbox.counts(user_id)

    async def after(self, user_id: str, seq: int, limit: int) -> tuple[InboxItem, ...]:
        async with self._gate:
            return await self._inbox.after(user_id, seq, limit)

    async def announced(self, user_id: str, after: int | None) -> Announced:
        async with self._gate:
            return await self._announcements.announced(user_id, after)

    async def mark_read(
        self, user_id: str, ids: list[UUID], origin: str | None = None
    ) -> tuple[UUID, ...]:
        async with self._gate:
            return await self._inbox.mark_read(user_id, ids, origin)

    def _when_back(self, since: datetime) -> None:
        self._desk.changed()
        self._since = min(since, self._since or since)
        if self._catching is None and self._bus.readers:
            self._catching = asyncio.create_task(self._catch_up())

    async def _catch_up(self) -> None:
        """Tells every connection of all that it may have missed, until none is left out."""
        try:
            while self._since is not None:
                since, self._since = self._since, None
                try:
                    for users in _slices(list(self._bus.readers), USERS_AT_ONCE):
                        await self._catch_up_users(users, since - SKEW)
                except Unavailable:
                    self._when_back(since)
                    await asyncio.sleep(TRY_AGAIN_AFTER)
        finally:
            self._catching = None

    async def _catch_up_users(self, users: list[str], since: datetime) -> None:
        async with self._gate:
            seqs = await self._inbox.last_seqs(users)
            changes = await self._inbox.changed_since(users, since)
        readers = self._bus.readers
        for user, seq in seqs.items():
            _tell(
                (one for one in readers.get(user, ()) if one.seq < seq), LiveFrame(BEHIND, "", seq)
            )
        for change in changes:
            _tell(readers.get(change.user_id, ()), _changed(change))


def _tell(readers: Iterable[Reader], frame: LiveFrame) -> None:
    for reader in tuple(readers):
        reader.heard(frame)


def _changed(change: InboxChange) -> LiveFrame:
    make = removed_frame if change.removed else read_frame
    return live_frame(orjson.dumps(make(change.notification_id)))


def _slices(items: list[str], size: int) -> Iterator[list[str]]:
    remaining = iter(items)
    while part := list(islice(remaining, size)):
        yield part
