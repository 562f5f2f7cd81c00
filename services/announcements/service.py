"""Announcements: made, changed, withdrawn, and brought from one state to the next.

The row decides what is shown. Each change that readers could see takes the next place among all
changes, and every API process is told that there is one; what it is they read from here.
"""

import asyncio
import contextlib
from dataclasses import replace
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from domain.announcements.messages import AdvanceInput, AnnouncementStep
from domain.announcements.shapes import (
    AmendAnnouncement,
    Announcement,
    AnnouncementStatus,
    Change,
    NewAnnouncement,
    changed,
    due_change,
    next_look,
    shown_channels,
    status_at,
)
from domain.enums import EventType
from domain.errors import Conflict, FieldError, Invalid, NotFound
from domain.ids import new_id
from domain.paging import Page, PageRequest
from domain.ports.announcements import AnnouncementStarter
from domain.ports.inbox import ANNOUNCEMENTS_CHANGED, InboxBroadcaster
from domain.ports.runtime import Clock
from domain.ports.storage import Transaction, UnitOfWork
from domain.records.events import Event
from domain.records.operations import AuditEntry
from services.audience.preview import require_list

BUS_PATIENCE: Final = 2.0
"""Seconds; a bus that hangs must not keep a row from going on."""
NOBODY: Final = ""
"""The user of an event that concerns no single one."""
FIXED_ONCE_SHOWN: Final = ("audience", "channels", "starts_at")
_EVENTS: Final = {
    Change.PUBLISHED: EventType.ANNOUNCEMENT_PUBLISHED,
    Change.UPDATED: EventType.ANNOUNCEMENT_UPDATED,
    Change.ENDED: EventType.ANNOUNCEMENT_ENDED,
    Change.WITHDRAWN: EventType.ANNOUNCEMENT_WITHDRAWN,
}


class AnnouncementService:
    def __init__(
        self,
        uow: UnitOfWork,
        publisher: InboxBroadcaster,
        starter: AnnouncementStarter,
        clock: Clock,
    ) -> None:
        self._uow = uow
        self._publisher = publisher
        self._starter = starter
        self._clock = clock

    async def create(self, new: NewAnnouncement, actor: str) -> Announcement:
        """Shown at once unless it starts later. Raises `Invalid` for an end that is not after
        the start and the present, and `Invalid("unknown_audience_list")`."""
        now = self._clock()
        item = Announcement(
            id=new_id(),
            title=new.title,
            content=new.content,
            data=new.data,
            audience=new.audience,
            channels=shown_channels(new.channels),
            priority=new.priority,
            starts_at=new.starts_at or now,
            ends_at=new.ends_at,
            status=AnnouncementStatus.SCHEDULED,
            created_at=now,
            updated_at=now,
            untold_since=now,
        )
        _check_end(item, now)
        async with self._uow() as tx:
            await require_list(tx, item.audience)
            item = await _written(tx, item, due_change(item, now), now)
            await tx.announcements.insert(item)
            await tx.operations.audit(_entry(item, actor, "announcement.created", now))
        await self._tell(item)
        return item

    async def get(self, announcement_id: UUID) -> Announcement:
        """Raises `NotFound("announcement_not_found")`."""
        async with self._uow() as tx:
            item = await tx.announcements.get(announcement_id)
        if item is None:
            raise announcement_not_found(announcement_id)
        return item

    async def list(
        self, status: AnnouncementStatus | None, page: PageRequest
    ) -> Page[Announcement]:
        """Newest first."""
        async with self._uow() as tx:
            return await tx.announcements.list(status, self._clock(), page)

    async def update(
        self, announcement_id: UUID, change: AmendAnnouncement, actor: str
    ) -> Announcement:
        """Open connections see the change at once. Raises `NotFound`, `Invalid`, and `Conflict`:
        `announcement_ended`, `announcement_withdrawn`, or `already_started` for what cannot be
        changed once it is shown."""
        now = self._clock()
        async with self._uow() as tx:
            before = await self._open(tx, announcement_id, now)
            given = _differences(before, change.changes())
            if not given:
                return before
            if status_at(before, now) is AnnouncementStatus.ACTIVE:
                _check_fixed(given)
            item = replace(before, **given, revision=before.revision + 1, updated_at=now)
            _check_end(item, now)
            if "audience" in given:
                await require_list(tx, item.audience)
            seen = due_change(item, now)
            if seen is None and item.status is AnnouncementStatus.ACTIVE:
                seen = Change.UPDATED
            item = await _written(tx, replace(item, untold_since=now), seen, now)
            await tx.announcements.save(item)
            entry = _entry(item, actor, "announcement.updated", now, fields=sorted(given))
            await tx.operations.audit(entry)
        await self._tell(item)
        return item

    async def withdraw(self, announcement_id: UUID, actor: str) -> Announcement:
        """It vanishes at once; again is no error. Raises `NotFound`, and
        `Conflict("announcement_ended")`."""
        now = self._clock()
        async with self._uow() as tx:
            before = await tx.announcements.lock(announcement_id)
            if before is not None and before.status is AnnouncementStatus.WITHDRAWN:
                return before
            before = await self._open(tx, announcement_id, now)
            item = replace(before, updated_at=now, untold_since=now)
            item = await _written(tx, item, Change.WITHDRAWN, now)
            await tx.announcements.save(item)
            await tx.operations.audit(_entry(item, actor, "announcement.withdrawn", now))
        await self._tell(item)
        return item

    async def advance(self, command: AdvanceInput) -> AnnouncementStep:
        """Writes down what is due, and says what is next. Safe to repeat: what was written is
        not written again, and processes that know a change ignore a second word of it. Raises
        `NotFound`."""
        async with self._uow() as tx:
            item = await tx.announcements.lock(command.announcement_id)
            if item is None:
                raise announcement_not_found(command.announcement_id)
            seen = due_change(item, command.now)
            if seen is not None or item.untold_since is not None:
                item = replace(item, untold_since=None)
                item = await _written(tx, item, seen, command.now)
                await tx.announcements.save(item)
        await self._announce(item)
        return step_of(item)

    async def _open(self, tx: Transaction, announcement_id: UUID, now: datetime) -> Announcement:
        item = await tx.announcements.lock(announcement_id)
        if item is None:
            raise announcement_not_found(announcement_id)
        standing = status_at(item, now)
        if standing.is_final:
            raise Conflict(f"announcement_{standing}", f"The announcement is {standing}.")
        return item

    async def _tell(self, item: Announcement) -> None:
        await self._announce(item)
        self._starter.tell_announcement(item.id)

    async def _announce(self, item: Announcement) -> None:
        # Processes that miss this read what changed when the bus is back.
        if item.version is None:
            return
        with contextlib.suppress(OSError, TimeoutError):
            async with asyncio.timeout(BUS_PATIENCE):
                await self._publisher.broadcast(
                    {"type": ANNOUNCEMENTS_CHANGED, "seq": item.version}
                )


async def _written(
    tx: Transaction, item: Announcement, seen: Change | None, now: datetime
) -> Announcement:
    """The announcement after a change readers could see, with its event; None is no change."""
    if seen is None:
        return item
    after = changed(item, seen, await tx.announcements.next_version())
    detail = {"announcementId": str(item.id), "revision": item.revision}
    await tx.events.append([Event(_EVENTS[seen], NOBODY, now, detail=detail)])
    return after


def step_of(item: Announcement) -> AnnouncementStep:
    """What its workflow is to do next."""
    unsent = bool(item.other_channels) and item.sent_at is None
    return AnnouncementStep(
        status=item.status,
        wait_until=next_look(item),
        send=item.status is AnnouncementStatus.ACTIVE and unsent,
        recall=item.status.is_final and bool(item.other_channels),
        summary=_summary(item),
    )


def _summary(item: Announcement) -> str:
    if item.status is AnnouncementStatus.SCHEDULED:
        return f"Starts at {item.starts_at.isoformat()}"
    if item.status is AnnouncementStatus.ACTIVE:
        return f"Shown until {item.ends_at.isoformat()}" if item.ends_at else "Shown without an end"
    return item.status.value.capitalize()


def _differences(item: Announcement, given: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in given.items() if getattr(item, name) != value}


def _check_fixed(given: dict[str, Any]) -> None:
    errors = tuple(
        FieldError("startsAt" if name == "starts_at" else name, "already_started", "Is fixed.")
        for name in FIXED_ONCE_SHOWN
        if name in given
    )
    if errors:
        raise Conflict(
            "already_started",
            "The announcement is shown: audience, channels and startsAt stay as they are.",
            errors=errors,
        )


def _check_end(item: Announcement, now: datetime) -> None:
    if item.ends_at is not None and item.ends_at <= max(item.starts_at, now):
        problem = FieldError("endsAt", "ends_too_early", "Must be after startsAt, and after now.")
        raise Invalid("validation_error", "The request is not valid.", errors=(problem,))


def _entry(
    item: Announcement, actor: str, action: str, now: datetime, **detail: object
) -> AuditEntry:
    return AuditEntry(now, actor, action, f"announcement:{item.id}", detail)


def announcement_not_found(announcement_id: UUID) -> NotFound:
    return NotFound("announcement_not_found", f"There is no announcement {announcement_id}.")
