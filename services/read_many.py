"""Marking many notifications as read at once, in any number of inboxes."""

import asyncio
import contextlib
from collections.abc import Sequence
from uuid import UUID

from domain.enums import Channel, EventType, Strategy
from domain.ids import new_id
from domain.messages import SignalKind
from domain.ports.bulk import BulkUnitOfWork
from domain.ports.inbox import InboxPublisher
from domain.ports.runtime import Clock, Starter
from domain.records import Event, Notification, PendingSignal
from services.inbox import read_frame

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
            kind = EventType.NOTIFICATION_READ
            await tx.events.append(
                [Event(kind, one.user_id, now, one.id, Channel.WEBSOCKET) for one in read]
            )
            signals = [
                PendingSignal(new_id(), one.id, one.redrives, SignalKind.ENGAGEMENT, now)
                for one in read
                if one.strategy is Strategy.ESCALATE
            ]
            await tx.signals.add(signals)
        for signal in signals:
            self._starter.signal(signal.id, signal.notification_id, signal.redrives, signal.kind)
        await self._tell(read)
        return tuple(one.id for one in read)

    async def _tell(self, read: Sequence[Notification]) -> None:
        for start in range(0, len(read), _TELLING):
            # A connection that misses this reads the truth when it resumes.
            with contextlib.suppress(ConnectionError):
                await asyncio.gather(
                    *(
                        self._publisher.publish(one.user_id, read_frame(one.id))
                        for one in read[start : start + _TELLING]
                    )
                )
