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
from domain.records.inbox import InboxChange, InboxItem
from services.announcements.inbox import Announced, AnnouncementInbox
from services.people.inbox import InboxCounts, InboxService, read_frame, removed_frame
from storage.inbox_bus import InboxBus, live_frame

AT_ONCE: Final = 8
USERS_AT_ONCE: Final = 1_000
SKEW: Final = timedelta(seconds=5)
"""By how much the clocks of two machines may differ."""
TRY_AGAIN_AFTER: Final = 1.0
LOOK_EVERY: Final = timedelta(seconds=30)

log = logging.getLogger(__name__)


class LiveHub:
    """Implements a connection's `Store`. `async with` it for as long as connections are open."""

    def __init__(
        self,
        bus: InboxBus,
        inbox: InboxService,
        announcements: AnnouncementInbox,
        look_every: timedelta = LOOK_EVERY,
    ) -> None:
        """`look_every`: how long an item may stay unseen whose frame was never published, as when
        only the process that stored it had lost the bus."""
        self._bus = bus
        self._look_every = look_every.total_seconds()
        self._inbox = inbox
        self._announcements = announcements
        self._gate = asyncio.Semaphore(AT_ONCE)
        self._desk = AnnouncementDesk(bus, announcements, self._gate)
        self._since: datetime | None = None
        self._catching: asyncio.Task[None] | None = None
        self._looking: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self._bus.when_back = self._when_back
        self._looking = asyncio.create_task(self._look())
        self._bus.when_announced = self._desk.changed
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._desk.aclose()
        for task in (self._looking, self._catching):
            if task is not None:
                task.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await task

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
        if not self._bus.readers:
            return  # nobody missed anything
        self._since = min(since, self._since or since)
        if self._catching is None:
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
        await self._tell_behind(users)
        async with self._gate:
            changes = await self._inbox.changed_since(users, since)
        for change in changes:
            _tell(self._bus.readers.get(change.user_id, ()), _changed(change))

    async def _look(self) -> None:
        """Now and then, whether any connection lacks an item, whatever became of its frame."""
        while True:
            await asyncio.sleep(self._look_every)
            try:
                for users in _slices(list(self._bus.readers), USERS_AT_ONCE):
                    await self._tell_behind(users)
            except Exception as error:
                # The next look is soon, and is not to be missed whatever this one met.
                log.warning("live_hub.not_looked", extra={"error": type(error).__name__})

    async def _tell_behind(self, users: list[str]) -> None:
        async with self._gate:
            seqs = await self._inbox.last_seqs(users)
        for user, seq in seqs.items():
            readers = self._bus.readers.get(user, ())
            _tell((one for one in readers if one.seq < seq), LiveFrame(BEHIND, "", seq))


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
