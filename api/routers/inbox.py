"""`/api/users/{user_id}/notifications` and `/upcoming`: the user's own view. `/api/broadcasts`: a
message to everyone who is connected."""

from typing import Annotated

from fastapi import Query

from api.dependencies import PlacePage, Use, UuidPage
from api.route import api_router, requires
from api.schemas.announcements import InboxAnnouncementOut
from api.schemas.broadcasts import BroadcastIn, BroadcastOut
from api.schemas.common import IdPath, Listed, UserPath, cursor_text
from api.schemas.notifications import (
    CountsOut,
    InboxOut,
    NotificationOut,
    inbox_item_out,
    notification_out,
)
from domain.announcements.shapes import InboxAnnouncement
from domain.enums import Scope

router = api_router("/users/{user_id}", "Inbox")
broadcasts = api_router("/broadcasts", "Inbox")


@router.get("/notifications", summary="The user's inbox")
@requires(Scope.NOTIFICATIONS_READ, own_user=True)
async def list_inbox(
    user_id: UserPath,
    page: PlacePage,
    use: Use,
    unread: Annotated[bool, Query(description="Only what is unread.")] = False,
) -> InboxOut:
    """The user's items and the announcements shown to them, newest first, with how many there
    are and how many are unread. Announcements have no `seq`; pages neither lose nor repeat any."""
    found = await use.inbox.list(user_id, unread_only=unread, page=page)
    return InboxOut(
        data=[
            InboxAnnouncementOut.of(user_id, row)
            if isinstance(row, InboxAnnouncement)
            else inbox_item_out(row, use.settings)
            for row in found.page.items
        ],
        next_cursor=cursor_text(found.page.next_cursor),
        counts=CountsOut(total=found.counts.total, unread=found.counts.unread),
    )


@router.put("/notifications/{id}/read", summary="Mark as read")
@requires(Scope.NOTIFICATIONS_WRITE, own_user=True)
async def mark_read(
    user_id: UserPath, notification_id: IdPath, use: Use
) -> NotificationOut | InboxAnnouncementOut:
    """One of the user's own, or an announcement. Reading also ends an escalation, and every open
    connection of the user hears of it."""
    read = await use.inbox.read(user_id, notification_id)
    if isinstance(read, InboxAnnouncement):
        return InboxAnnouncementOut.of(user_id, read)
    return notification_out(read, use.settings)


@router.delete("/notifications/{id}", status_code=204, summary="Remove from the inbox")
@requires(Scope.NOTIFICATIONS_WRITE, own_user=True)
async def remove(user_id: UserPath, notification_id: IdPath, use: Use) -> None:
    """Every open connection of the user hears of it. An announcement is gone for this user."""
    await use.inbox.remove(user_id, notification_id)


@router.get("/upcoming", summary="What will be sent, when and why")
@requires(Scope.NOTIFICATIONS_READ, own_user=True)
async def list_upcoming(user_id: UserPath, page: UuidPage, use: Use) -> Listed[NotificationOut]:
    """Soonest first; `until` says when it is looked at again and `reason` why it waits."""
    found = await use.inbox.upcoming(user_id, page)
    return Listed(
        data=[notification_out(view, use.settings) for view in found.items],
        next_cursor=cursor_text(found.next_cursor),
    )


@broadcasts.post("", status_code=202, summary="Tell everyone who is connected")
@requires(Scope.NOTIFICATIONS_WRITE)
async def broadcast(body: BroadcastIn, use: Use) -> BroadcastOut:
    """A frame `{"type": "broadcast", "id", "data"}` on every open WebSocket of every user, now.
    It is not stored: who connects later does not see it, and it is in no inbox."""
    return BroadcastOut(id=await use.inbox.broadcast(body.title, body.content, body.data))
