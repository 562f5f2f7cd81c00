"""`/api/announcements`: told to everyone or to some, in the inbox and by chosen channels."""

from typing import Annotated

from fastapi import Query, Response

from api.dependencies import Caller, Use
from api.documents import conflict
from api.route import api_router, requires
from api.schemas.announcements import AnnouncementOut, AnnouncementQuery
from api.schemas.common import IdPath, Listed, cursor_text
from domain.announcements.shapes import AmendAnnouncement, NewAnnouncement
from domain.enums import Scope

router = api_router("/announcements", "Announcements")


@router.post("", status_code=201, summary="Announce something")
@requires(Scope.CAMPAIGNS_WRITE)
async def create_announcement(
    body: NewAnnouncement, caller: Caller, response: Response, use: Use
) -> AnnouncementOut:
    """Shown in every inbox it concerns from `startsAt` to `endsAt`, and at once on open
    connections. Other `channels` than `websocket` are sent once it starts, by a campaign. 422
    `unknown_audience_list`."""
    item = await use.announcements.create(body, caller.actor)
    response.headers["Location"] = f"/api/announcements/{item.id}"
    return AnnouncementOut.of(item, use.clock())


@router.get("", summary="List announcements")
@requires(Scope.CAMPAIGNS_READ)
async def list_announcements(
    where: Annotated[AnnouncementQuery, Query()], use: Use
) -> Listed[AnnouncementOut]:
    """Newest first, those that ended or were withdrawn too."""
    found = await use.announcements.list(where.status, where.page())
    return Listed(
        data=[AnnouncementOut.of(item, use.clock()) for item in found.items],
        next_cursor=cursor_text(found.next_cursor),
    )


@router.get("/{id}", summary="Get an announcement")
@requires(Scope.CAMPAIGNS_READ)
async def get_announcement(announcement_id: IdPath, use: Use) -> AnnouncementOut:
    return AnnouncementOut.of(await use.announcements.get(announcement_id), use.clock())


@router.put("/{id}", summary="Change an announcement", responses=conflict())
@requires(Scope.CAMPAIGNS_WRITE)
async def update_announcement(
    announcement_id: IdPath, body: AmendAnnouncement, caller: Caller, use: Use
) -> AnnouncementOut:
    """What is absent stays. Whoever sees it, sees the change at once; other channels say what it
    said when it started. 409 `already_started` for what is fixed by then, `announcement_ended` and
    `announcement_withdrawn` when it is over."""
    item = await use.announcements.update(announcement_id, body, caller.actor)
    return AnnouncementOut.of(item, use.clock())


@router.delete("/{id}", summary="Withdraw an announcement", responses=conflict())
@requires(Scope.CAMPAIGNS_WRITE)
async def withdraw_announcement(
    announcement_id: IdPath, caller: Caller, use: Use
) -> AnnouncementOut:
    """It vanishes from inboxes and open connections at once, and what other channels have not
    sent yet is cancelled. Again is no error; 409 `announcement_ended`."""
    item = await use.announcements.withdraw(announcement_id, caller.actor)
    return AnnouncementOut.of(item, use.clock())
