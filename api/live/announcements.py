"""Announcements on their way to the connections of this process.

The bus only says that something changed; what, is read from the database in the order of the
changes and handed to whom it concerns. So nothing is told twice or out of order, and a word of
the bus that got lost is made up for by the next one, or when the bus is back.
"""

import asyncio
import contextlib
import logging
from typing import Final

import orjson

from domain.announcements.shapes import Announcement, change_since
from domain.errors import Unavailable
from domain.ports.inbox import LiveFrame
from services.announcements.inbox import AnnouncementInbox, announcement_frame
from storage.inbox_bus import AT_ONCE, InboxBus

TRY_AGAIN_AFTER: Final = 1.0
USERS_AT_ONCE: Final = 1_000

log = logging.getLogger(__name__)


class AnnouncementDesk:
    """`changed` wakes it. `gate` bounds how much this process asks of the database at once."""

    def __init__(
        self, bus: InboxBus, announcements: AnnouncementInbox, gate: asyncio.Semaphore
    ) -> None:
        self._bus = bus
        self._announcements = announcements
        self._gate = gate
        self._version: int | None = None
        self._asked = False
        self._working: asyncio.Task[None] | None = None

    async def opened(self) -> None:
        """Before the first connection reads what is stored: what changes from here on is news.
        Raises `Unavailable`."""
        if self._version is None:
            async with self._gate:
                version = await self._announcements.last_version()
            if self._version is None:
                self._version = version

    def changed(self, version: int | None = None) -> None:
        """Something may have changed, up to `version`."""
        known = self._version
        if known is None or (version is not None and version <= known):
            return
        self._asked = True
        if self._working is None:
            self._working = asyncio.create_task(self._work())

    async def aclose(self) -> None:
        if self._working is not None:
            self._working.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._working

    async def _work(self) -> None:
        try:
            while self._asked:
                self._asked = False
                try:
                    while await self._hand_out_next():
                        pass
                except Unavailable:
                    self._asked = True
                    await asyncio.sleep(TRY_AGAIN_AFTER)
        except Exception:
            log.exception("announcements.not_handed_out")
        finally:
            self._working = None

    async def _hand_out_next(self) -> bool:
        """Whether there was any."""
        version = self._version or 0
        async with self._gate:
            items = await self._announcements.since(version)
        for item in items:
            await self._hand_out(item)
            self._version = item.version
        return bool(items)

    async def _hand_out(self, item: Announcement) -> None:
        change = change_since(item, self._version or 0)
        if change is None:
            return
        text = orjson.dumps(announcement_frame(item, change)).decode()
        frame = LiveFrame(change, text, version=item.version or 0)
        users = list(self._bus.readers)
        for start in range(0, len(users), USERS_AT_ONCE):
            async with self._gate:
                concerned = await self._announcements.readers(
                    item, change, users[start : start + USERS_AT_ONCE]
                )
            await self._tell(concerned, frame)

    async def _tell(self, users: frozenset[str], frame: LiveFrame) -> None:
        readers = [one for user in users for one in self._bus.readers.get(user, ())]
        for place, reader in enumerate(readers, 1):
            reader.heard(frame)
            if place % AT_ONCE == 0:
                await asyncio.sleep(0)
