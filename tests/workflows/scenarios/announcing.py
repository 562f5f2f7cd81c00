"""Announcements: started, ended, edited, withdrawn, sent besides."""

import asyncio
from datetime import timedelta
from typing import Any

from domain.announcements.shapes import AnnouncementStatus, Change
from domain.errors import Invalid, Unavailable
from tests.workflows.board import Notice
from tests.workflows.scenarios.base import DAY, EMAIL, HOUR, INBOX, on_time, scenario
from tests.workflows.world import AnnouncementHandle, World
from workflows.announcement import AnnouncementWorkflow

NOW = timedelta(0)
ENDED, WITHDRAWN = AnnouncementStatus.ENDED, AnnouncementStatus.WITHDRAWN


async def over(handle: AnnouncementHandle, status: AnnouncementStatus) -> AnnouncementHandle:
    assert (await handle.result()).status is status
    return handle


async def looked_again(notice: Notice, handle: AnnouncementHandle, **edited: Any) -> None:
    """Edits, tells, and waits for the look."""
    notice.looked.clear()
    if edited:
        notice.edit(**edited)
    await handle.signal(AnnouncementWorkflow.on_changed)
    await notice.looked.wait()


def shown(notice: Notice, *wanted: tuple[Change, timedelta]) -> None:
    assert [change for change, _ in notice.seen] == [change for change, _ in wanted]
    for (_, at), (_, due) in zip(notice.seen, wanted, strict=True):
        assert on_time(at, due), notice.seen


@scenario
async def announced_for_a_week(world: World) -> AnnouncementHandle:
    notice = Notice(starts_after=3 * DAY, ends_after=10 * DAY)
    handle = await over(await world.announce(notice), ENDED)
    shown(notice, (Change.PUBLISHED, 3 * DAY), (Change.ENDED, 10 * DAY))
    assert (notice.looks, notice.sent, notice.recalled) == (3, 0, 0)
    return handle


@scenario
async def announced_at_once_and_sent(world: World) -> AnnouncementHandle:
    notice = Notice(ends_after=HOUR, channels=(INBOX, EMAIL))
    handle = await over(await world.announce(notice), ENDED)
    shown(notice, (Change.PUBLISHED, NOW), (Change.ENDED, HOUR))
    assert (notice.sent, notice.recalled) == (1, 1)
    return handle


@scenario
async def announced_without_an_end_and_withdrawn(world: World) -> AnnouncementHandle:
    notice = Notice(channels=(INBOX, EMAIL))
    handle = await world.announce(notice, skip=False)
    await notice.sending.wait()
    notice.withdraw()
    await looked_again(notice, handle)
    await over(handle, WITHDRAWN)
    shown(notice, (Change.PUBLISHED, NOW))
    assert (notice.sent, notice.recalled) == (1, 1)
    return handle


@scenario
async def announcement_withdrawn_while_it_is_sent(world: World) -> AnnouncementHandle:
    """What is being sent is waited for, so that nothing leaves after the recall."""
    notice = Notice(channels=(INBOX, EMAIL), hold=asyncio.Event())
    handle = await world.announce(notice, skip=False)
    await notice.sending.wait()
    notice.withdraw()
    await looked_again(notice, handle)
    assert notice.recalled == 0
    assert notice.hold is not None
    notice.hold.set()
    await over(handle, WITHDRAWN)
    assert (notice.sent, notice.recalled) == (1, 1)
    return handle


@scenario
async def announcement_withdrawn_before_its_start(world: World) -> AnnouncementHandle:
    notice = Notice(starts_after=DAY)
    handle = await world.announce(notice, skip=False)
    await notice.looked.wait()
    notice.withdraw()
    await looked_again(notice, handle)
    await over(handle, WITHDRAWN)
    assert (notice.seen, notice.recalled) == ([], 0)
    return handle


@scenario
async def announcement_moved_while_it_waits(world: World) -> AnnouncementHandle:
    notice = Notice(starts_after=30 * DAY, ends_after=60 * DAY)
    handle = await world.announce(notice, skip=False)
    await notice.looked.wait()
    assert notice.row is not None
    await looked_again(notice, handle, starts_at=notice.row.starts_at - 30 * DAY)
    shown(notice, (Change.PUBLISHED, NOW))
    await looked_again(notice, handle, ends_at=notice.row.created_at)
    await over(handle, ENDED)
    return handle


@scenario
async def announcement_outlives_the_database(world: World) -> AnnouncementHandle:
    away = Unavailable("database_unavailable", "Away.")
    notice = Notice(ends_after=HOUR, channels=(INBOX, EMAIL), look_failures=[away, away],
                    send_failures=[away])  # fmt: skip
    handle = await over(await world.announce(notice), ENDED)
    assert notice.sent == 1
    return handle


@scenario
async def announcement_that_cannot_be_sent_is_still_shown(world: World) -> AnnouncementHandle:
    notice = Notice(ends_after=HOUR, channels=(INBOX, EMAIL),
                    send_failures=[Invalid("refused", "Never.")])  # fmt: skip
    handle = await over(await world.announce(notice), ENDED)
    shown(notice, (Change.PUBLISHED, NOW), (Change.ENDED, HOUR))
    assert notice.sent == 0
    return handle
