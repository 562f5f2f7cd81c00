"""Marking many notifications as read at once, in any number of inboxes."""

import asyncio
import contextlib
from collections.abc import Collection, Sequence
from datetime import datetime
from uuid import UUID

from domain.enums import Strategy
from domain.ids import new_id
from domain.messages import SignalKind
from domain.ports.bulk import BulkUnitOfWork
from domain.ports.inbox import InboxPublisher
from domain.ports.runtime import Clock, Starter
from domain.ports.storage import Transaction
from domain.records.events import PendingSignal
from services.announcements.inbox import mark_announcements_read
from services.feedback.reads import note_reads
from services.people.inbox import read_frame

_TELLING = 32
"""Frames published at once."""


class ReadManyService:
    def __init__(
        self, uow: BulkUnitOfWork, publisher: InboxPublisher, starter: Starter, clock: Clock
    ) -> None:
        self._uow = uow
        self._publisher = publisher
        self._starter = starter
        self._clock = clock

    async def mark_read(
        self, notification_ids: Sequence[UUID], user_id: str | None
    ) -> tuple[UUID, ...]:
        """Those that were unread until now, of one user when given. Their workflows and their
        users' connections hear of it, as for one alone."""
        now = self._clock()
        async with self._uow() as tx:
            read = await tx.bulk.mark_read(notification_ids, user_id, now)
            await note_reads(tx, read, now)
            signals = [
                PendingSignal(new_id(), one.id, one.redrives, SignalKind.ENGAGEMENT, now)
                for one in read
                if one.strategy is Strategy.ESCALATE
            ]
            await tx.signals.add(signals)
            ids = [one.id for one in read]
            notices = await _notices(tx, user_id, set(notification_ids) - set(ids), now)
        for signal in signals:
            self._starter.signal(signal.id, signal.notification_id, signal.redrives, signal.kind)
        await self._tell([(one.user_id, one.id) for one in read])
        await self._tell([(user_id or "", notice) for notice in notices])
        return (*ids, *notices)

    async def _tell(self, read: Sequence[tuple[str, UUID]]) -> None:
        for start in range(0, len(read), _TELLING):
            # A connection that misses this reads the truth when it resumes.
            with contextlib.suppress(ConnectionError):
                await asyncio.gather(
                    *(
                        self._publisher.publish(user_id, read_frame(item))
                        for user_id, item in read[start : start + _TELLING]
                    )
                )


async def _notices(
    tx: Transaction, user_id: str | None, ids: Collection[UUID], now: datetime
) -> tuple[UUID, ...]:
    """Announcements among these, which only one who names the user means."""
    if user_id is None or not ids:
        return ()
    return await mark_announcements_read(tx, user_id, sorted(ids), now)
