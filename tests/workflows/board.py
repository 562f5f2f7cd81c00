"""Where the announcements of the workflow tests hang: rows in memory under the real rules."""

import asyncio
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from domain.announcements.messages import AdvanceInput, AnnouncementStep
from domain.announcements.shapes import (
    EVERYONE,
    Announcement,
    AnnouncementStatus,
    Change,
    campaign_id_for,
    changed,
    due_change,
)
from domain.enums import Channel, Priority
from domain.errors import NotFound
from domain.ids import new_id
from services.announcements.service import step_of


@dataclass
class Notice:
    """One announcement: when it is shown, and what was asked about it."""

    starts_after: timedelta = timedelta(0)
    """After the first look."""
    ends_after: timedelta | None = None
    channels: tuple[Channel, ...] = (Channel.WEBSOCKET,)
    hold: asyncio.Event | None = None
    """Sending lasts until this is set."""
    send_failures: list[Exception] = field(default_factory=list)
    look_failures: list[Exception] = field(default_factory=list)
    id: UUID = field(default_factory=new_id)
    row: Announcement | None = None
    began: datetime | None = None
    seen: list[tuple[Change, timedelta]] = field(default_factory=list)
    """What readers could see, and how long after the first look."""
    looks: int = 0
    sent: int = 0
    recalled: int = 0
    looked: asyncio.Event = field(default_factory=asyncio.Event)
    sending: asyncio.Event = field(default_factory=asyncio.Event)

    def edit(self, **fields: Any) -> None:
        assert self.row is not None
        self.row = replace(self.row, **fields)

    def withdraw(self) -> None:
        assert self.row is not None
        self.row = changed(self.row, Change.WITHDRAWN, len(self.seen) + 1)


class Board:
    """Stands where AnnouncementService and AnnouncementSender stand."""

    def __init__(self) -> None:
        self._notices: dict[UUID, Notice] = {}

    def add(self, notice: Notice) -> Notice:
        self._notices[notice.id] = notice
        return notice

    def _notice(self, announcement_id: UUID) -> Notice:
        notice = self._notices.get(announcement_id)
        if notice is None:
            raise NotFound("announcement_not_found", "No such announcement.")
        return notice

    async def advance(self, command: AdvanceInput) -> AnnouncementStep:
        notice = self._notice(command.announcement_id)
        if notice.look_failures:
            raise notice.look_failures.pop(0)
        if notice.row is None or notice.began is None:
            notice.began, notice.row = command.now, _row(notice, command.now)
        change = due_change(notice.row, command.now)
        if change is not None:
            notice.row = changed(notice.row, change, len(notice.seen) + 1)
            notice.seen.append((change, command.now - notice.began))
        notice.looks += 1
        notice.looked.set()
        return step_of(notice.row)

    async def send(self, announcement_id: UUID) -> UUID | None:
        notice = self._notice(announcement_id)
        notice.sending.set()
        if notice.send_failures:
            raise notice.send_failures.pop(0)
        if notice.hold is not None:
            await notice.hold.wait()
        notice.sent += 1
        return campaign_id_for(announcement_id)

    async def recall(self, announcement_id: UUID) -> int:
        notice = self._notice(announcement_id)
        notice.recalled += 1
        return notice.recalled


def _row(notice: Notice, now: datetime) -> Announcement:
    ends_at = None if notice.ends_after is None else now + notice.ends_after
    return Announcement(
        id=notice.id, title="T", content="C", data={}, audience=EVERYONE,
        channels=notice.channels, priority=Priority.MEDIUM, starts_at=now + notice.starts_after,
        ends_at=ends_at, status=AnnouncementStatus.SCHEDULED, created_at=now, updated_at=now,
    )  # fmt: skip
