"""Announcements as their readers see them: in the inbox, and on open connections."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from domain.announcements.shapes import (
    Announcement,
    AnnouncementStatus,
    Change,
    InboxAnnouncement,
    Standing,
    change_since,
    status_at,
)
from domain.enums import Channel, EventType
from domain.interleave import Place, interleave
from domain.paging import Cursor, Page, PageRequest
from domain.ports.inbox import Frame
from domain.ports.runtime import Clock
from domain.ports.storage import Transaction, UnitOfWork
from domain.records.events import Event
from domain.records.inbox import InboxItem

SLICE = 100
_FRAMES = {
    Change.PUBLISHED: "announcement",
    Change.UPDATED: "announcement_updated",
    Change.ENDED: "announcement_ended",
    Change.WITHDRAWN: "announcement_withdrawn",
}


@dataclass(frozen=True, slots=True)
class Announced:
    """What a connection is told of announcements when it opens."""

    version: int
    """Changes up to this one need not be told any more."""
    frames: tuple[Frame, ...] = ()
    """In the order of their versions."""


class AnnouncementInbox:
    def __init__(self, uow: UnitOfWork, clock: Clock) -> None:
        self._uow = uow
        self._clock = clock

    async def announced(self, user_id: str, after: int | None) -> Announced:
        """All that is shown and unread; or what changed after the version the client has."""
        now = self._clock()
        async with self._uow() as tx:
            if after is None:
                return await _unread(tx, user_id, now)
            return await _news(tx, user_id, after, now)

    async def last_version(self) -> int:
        async with self._uow() as tx:
            return await tx.announcements.last_version()

    async def since(self, version: int) -> tuple[Announcement, ...]:
        """The next changes after that place, in order."""
        async with self._uow() as tx:
            return await tx.announcements.since(version, SLICE)

    async def readers(
        self, item: Announcement, change: Change, user_ids: Collection[str]
    ) -> frozenset[str]:
        """Those of these users who are to hear of the change and want to see announcements."""
        async with self._uow() as tx:
            members = frozenset(user_ids)
            if not _is_for_all(item, change):
                members = await tx.membership.members(item.id, user_ids)
            return members - await tx.announcements.refusing(members) if members else members


async def standing_for(tx: Transaction, user_id: str, now: datetime) -> tuple[Standing, ...]:
    """What is shown to this user, newest first."""
    shown = await tx.announcements.standing(user_id, now)
    return await _concerning(tx, user_id, shown) if shown else ()


async def inbox_rows(
    tx: Transaction,
    user_id: str,
    notices: Sequence[Standing],
    page: PageRequest,
    *,
    unread_only: bool,
) -> Page[InboxItem | InboxAnnouncement]:
    """The user's items and the announcements in one list, newest first."""
    place = Place.of(page.cursor) if page.cursor else None
    own = Cursor(place.at, str(place.seq)) if place and place.seq else None
    items = await tx.inbox.list(
        user_id, unread_only=unread_only, page=PageRequest(page.limit + 1, own)
    )
    wanted = [n for n in notices if n.read_at is None or not unread_only]
    rows, after = interleave(items.items, wanted, page.limit, place)
    told = [row.id for row in rows if isinstance(row, Standing)]
    found = {item.id: item for item in await tx.announcements.many(told)} if told else {}
    shown = tuple(
        InboxAnnouncement(found[row.id], row.read_at) if isinstance(row, Standing) else row
        for row in rows
    )
    return Page(shown, after.cursor() if after else None)


async def mark_announcements_read(
    tx: Transaction, user_id: str, ids: Sequence[UUID], now: datetime
) -> tuple[UUID, ...]:
    """Those of the ids that are announcements shown to the user, and were unread until now."""
    shown = {n.id for n in await standing_for(tx, user_id, now) if n.read_at is None}
    wanted = [item for item in ids if item in shown]
    if not wanted:
        return ()
    read = await tx.announcements.mark_read(user_id, wanted, now)
    await tx.events.append(
        [
            Event(
                EventType.ANNOUNCEMENT_READ,
                user_id,
                now,
                channel=Channel.WEBSOCKET,
                detail={"announcementId": str(item)},
            )
            for item in read
        ]
    )
    return read


async def dismiss_announcement(
    tx: Transaction, user_id: str, announcement_id: UUID, now: datetime
) -> bool:
    """False when it is not shown to the user."""
    if not any(n.id == announcement_id for n in await standing_for(tx, user_id, now)):
        return False
    return await tx.announcements.dismiss(user_id, announcement_id, now)


async def shown_announcement(
    tx: Transaction, user_id: str, announcement_id: UUID, now: datetime
) -> InboxAnnouncement | None:
    for notice in await standing_for(tx, user_id, now):
        if notice.id == announcement_id:
            item = await tx.announcements.get(announcement_id)
            return InboxAnnouncement(item, notice.read_at) if item else None
    return None


def announcement_frame(item: Announcement, change: Change) -> Frame:
    """`{"type", "version", "data"}`, or `{"type", "version", "id"}` for what is gone."""
    head = {"type": _FRAMES[change], "version": item.version}
    if change.is_end:
        return {**head, "id": str(item.id)}
    shown = {
        "id": str(item.id),
        "type": "announcement",
        "category": "announcements",
        "priority": item.priority,
        "title": item.title,
        "content": item.content,
        "data": dict(item.data),
        "startsAt": item.starts_at.isoformat(),
        "endsAt": item.ends_at.isoformat() if item.ends_at else None,
        "revision": item.revision,
        "createdAt": item.created_at.isoformat(),
        "updatedAt": item.updated_at.isoformat(),
    }
    return {**head, "data": shown}


async def _concerning(
    tx: Transaction, user_id: str, shown: Sequence[Standing]
) -> tuple[Standing, ...]:
    mine = await tx.membership.concerning(user_id, [notice.id for notice in shown])
    return tuple(notice for notice in shown if notice.id in mine)


async def _unread(tx: Transaction, user_id: str, now: datetime) -> Announced:
    last = await tx.announcements.last_version()
    shown = await tx.announcements.standing(user_id, now)
    # What is due but not published yet, or has changed since, comes with that change.
    settled = [n for n in shown if not n.read_at and n.version and n.version <= last]
    wanted = [n.id for n in await _concerning(tx, user_id, settled)] if settled else []
    found = await tx.announcements.many(wanted) if wanted else ()
    known = [item for item in found if _is_settled(item, last)]
    known.sort(key=lambda item: item.version or 0)
    return Announced(last, tuple(announcement_frame(item, Change.PUBLISHED) for item in known))


async def _news(tx: Transaction, user_id: str, after: int, now: datetime) -> Announced:
    last = await tx.announcements.last_version()
    news = await tx.announcements.news(user_id, after)
    settled = [one for one in news if _is_settled(one.announcement, last)]
    if not settled:
        return Announced(last)
    mine = await tx.membership.concerning(user_id, [one.announcement.id for one in settled])
    frames = []
    for one in settled:
        item, change = one.announcement, change_since(one.announcement, after)
        if change is None or not _is_news(one, change, now):
            continue
        if item.id in mine or _is_for_all(item, change):
            frames.append(announcement_frame(item, change))
    return Announced(last, tuple(frames))


def _is_for_all(item: Announcement, change: Change) -> bool:
    """That it is gone, whoever may have belonged when it came has to hear."""
    return change.is_end and item.audience_moves


def _is_settled(item: Announcement, last: int) -> bool:
    return item.version is not None and item.version <= last


def _is_news(one: InboxAnnouncement, change: Change, now: datetime) -> bool:
    if change.is_end:
        return True
    if change is Change.PUBLISHED and one.read_at is not None:
        return False
    return status_at(one.announcement, now) is AnnouncementStatus.ACTIVE
