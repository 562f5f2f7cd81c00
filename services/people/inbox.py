"""The user's inbox: what arrived in it, what was read, what is still to come."""

import contextlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from domain.announcements.shapes import InboxAnnouncement, Standing
from domain.enums import Strategy
from domain.errors import Unavailable, notification_not_found, user_not_found
from domain.ids import new_id
from domain.messages import SignalKind
from domain.paging import Page, PageRequest
from domain.ports.inbox import Frame, InboxBroadcaster
from domain.ports.runtime import Clock, Starter
from domain.ports.storage import Transaction, UnitOfWork
from domain.records.events import PendingSignal
from domain.records.inbox import InboxChange, InboxItem
from domain.records.notifications import Notification, NotificationView
from services.announcements.inbox import (
    dismiss_announcement,
    inbox_rows,
    mark_announcements_read,
    shown_announcement,
    standing_for,
)
from services.feedback.reads import note_reads


@dataclass(frozen=True, slots=True)
class InboxCounts:
    total: int
    unread: int
    last_seq: int
    unread_announcements: int = 0
    """Of `unread`, those that are announcements."""


@dataclass(frozen=True, slots=True)
class InboxPage:
    page: Page[InboxItem | InboxAnnouncement]
    counts: InboxCounts


class InboxService:
    def __init__(
        self, uow: UnitOfWork, publisher: InboxBroadcaster, starter: Starter, clock: Clock
    ) -> None:
        self._uow = uow
        self._publisher = publisher
        self._starter = starter
        self._clock = clock

    async def list(self, user_id: str, *, unread_only: bool, page: PageRequest) -> InboxPage:
        """The user's items and the announcements shown to them, newest first. Raises
        `NotFound("user_not_found")`."""
        async with self._uow() as tx:
            await _known(tx, user_id)
            notices = await standing_for(tx, user_id, self._clock())
            rows = await inbox_rows(tx, user_id, notices, page, unread_only=unread_only)
            return InboxPage(rows, await _counts(tx, user_id, notices))

    async def counts(self, user_id: str) -> InboxCounts:
        """Raises `NotFound("user_not_found")`."""
        async with self._uow() as tx:
            await _known(tx, user_id)
            return await _counts(tx, user_id, await standing_for(tx, user_id, self._clock()))

    async def after(self, user_id: str, seq: int, limit: int) -> tuple[InboxItem, ...]:
        """Items a connection has not seen yet, oldest first."""
        async with self._uow() as tx:
            return await tx.inbox.after(user_id, seq, limit)

    async def last_seqs(self, user_ids: Collection[str]) -> Mapping[str, int]:
        """The last number given out in each of these inboxes; none for an empty one."""
        async with self._uow() as tx:
            return await tx.inbox.last_seqs(user_ids)

    async def changed_since(
        self, user_ids: Collection[str], since: datetime
    ) -> tuple[InboxChange, ...]:
        """What was read or removed at `since` or later."""
        async with self._uow() as tx:
            items = await tx.inbox.changed_since(user_ids, since)
            return items + await tx.announcements.changed_since(user_ids, since)

    async def upcoming(self, user_id: str, page: PageRequest) -> Page[NotificationView]:
        """What waits for its instant, soonest first. Raises `NotFound("user_not_found")`."""
        async with self._uow() as tx:
            await _known(tx, user_id)
            return await tx.notifications.upcoming(user_id, page)

    async def read(
        self, user_id: str, notification_id: UUID
    ) -> NotificationView | InboxAnnouncement:
        """Marks one as read, the user's own or an announcement; again is no error. Raises
        `NotFound`."""
        async with self._uow() as tx:
            await self._seen_by(tx, user_id, notification_id)
        await self.mark_read(user_id, [notification_id])
        async with self._uow() as tx:
            return await self._seen_by(tx, user_id, notification_id)

    async def mark_read(
        self, user_id: str, ids: Sequence[UUID], origin: str | None = None
    ) -> tuple[UUID, ...]:
        """Those that were unread until now, announcements too. The workflows of the others hear
        of it, for reading ends an escalation; the user's connections hear of it, to agree on
        what is unread."""
        now = self._clock()
        async with self._uow() as tx:
            read = await tx.inbox.mark_read(user_id, sorted(set(ids)), now)
            rows = await _locked(tx, read)
            await note_reads(tx, rows, now)
            signals = _signals(rows, now)
            if signals:
                await tx.signals.add(signals)
            if rest := sorted(set(ids) - set(read)):
                read += await mark_announcements_read(tx, user_id, rest, now)
        for signal in signals:
            self._starter.signal(signal.id, signal.notification_id, signal.redrives, signal.kind)
        for item in read:
            await self._tell(user_id, read_frame(item, origin))
        return read

    async def remove(self, user_id: str, notification_id: UUID) -> None:
        """Takes one out of the user's inbox. Raises `NotFound("notification_not_found")`."""
        async with self._uow() as tx:
            removed = await tx.inbox.remove(user_id, notification_id) or await dismiss_announcement(
                tx, user_id, notification_id, self._clock()
            )
        if not removed:
            raise notification_not_found(notification_id)
        await self._tell(user_id, removed_frame(notification_id))

    async def broadcast(self, title: str, content: str, data: Mapping[str, Any]) -> UUID:
        """Shows a message to everyone who is connected now, in every process. Nothing is stored:
        who is not connected never sees it. Raises `Unavailable` when the bus is away."""
        broadcast_id = new_id()
        shown = {
            "title": title,
            "content": content,
            "data": dict(data),
            "createdAt": self._clock().isoformat(),
        }
        frame = {"type": "broadcast", "id": str(broadcast_id), "data": shown}
        try:
            await self._publisher.broadcast(frame)
        except ConnectionError as error:
            raise Unavailable("live_bus_unavailable", "The live bus does not answer.") from error
        return broadcast_id

    async def _seen_by(
        self, tx: Transaction, user_id: str, notification_id: UUID
    ) -> NotificationView | InboxAnnouncement:
        view = await tx.notifications.get(notification_id)
        if view is not None and view.notification.user_id == user_id:
            return view
        shown = await shown_announcement(tx, user_id, notification_id, self._clock())
        if shown is None:
            raise notification_not_found(notification_id)
        return shown

    async def _tell(self, user_id: str, frame: Frame) -> None:
        # A connection that misses this reads the truth when it resumes.
        with contextlib.suppress(ConnectionError):
            await self._publisher.publish(user_id, frame)


def notification_frame(item: InboxItem) -> Frame:
    """A stored item as an open connection is shown it: the same as when it was delivered, but
    for `readAt`."""
    row, content = item.view.notification, item.view.content
    shown = {
        "id": str(row.id),
        "seq": item.seq,
        "type": row.type,
        "category": row.category,
        "priority": row.priority,
        "title": content.title,
        "content": content.content,
        "data": dict(content.data),
        "createdAt": row.created_at.isoformat(),
        "readAt": row.read_at.isoformat() if row.read_at else None,
    }
    return {"type": "notification", "seq": item.seq, "data": shown}


def read_frame(notification_id: UUID, origin: str | None = None) -> Frame:
    return {"type": "read", "id": str(notification_id), "origin": origin}


def removed_frame(notification_id: UUID) -> Frame:
    return {"type": "removed", "id": str(notification_id)}


async def _locked(tx: Transaction, ids: Sequence[UUID]) -> list[Notification]:
    rows = [await tx.notifications.lock(notification_id) for notification_id in sorted(ids)]
    return [row for row in rows if row is not None]


def _signals(rows: Sequence[Notification], at: datetime) -> tuple[PendingSignal, ...]:
    return tuple(
        PendingSignal(new_id(), row.id, row.redrives, SignalKind.ENGAGEMENT, at)
        for row in rows
        if row.strategy is Strategy.ESCALATE
    )


async def _known(tx: Transaction, user_id: str) -> None:
    if await tx.users.get(user_id) is None:
        raise user_not_found(user_id)


async def _counts(tx: Transaction, user_id: str, notices: Sequence[Standing]) -> InboxCounts:
    total, unread, last_seq = await tx.inbox.counts(user_id)
    new = sum(notice.read_at is None for notice in notices)
    return InboxCounts(total + len(notices), unread + new, last_seq, new)
