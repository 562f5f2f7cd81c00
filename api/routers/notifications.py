"""`/api/notifications`: send, look up, change, cancel, explain."""

from typing import Annotated

from fastapi import Query, Request, Response

from api.dependencies import Use
from api.documents import conflict
from api.route import api_router, requires
from api.schemas.common import IdPath, Listed, cursor_text
from api.schemas.notifications import (
    CancelOut,
    DeliveriesOut,
    NotificationOut,
    NotificationQuery,
    delivery_out,
    notification_out,
)
from domain.commands import AmendNotification, NewNotification
from domain.enums import Scope
from services.notifications.explain import Explanation

router = api_router("/notifications", "Notifications")


@router.post("", status_code=202, summary="Send a notification")
@requires(Scope.NOTIFICATIONS_WRITE, stored_answers=False)
async def send(
    body: NewNotification, request: Request, response: Response, use: Use
) -> NotificationOut:
    """Accepts one notification: it is stored, and will be planned and sent. Title and content,
    a template, or the type's own template say what it says."""
    claim = getattr(request.state, "idempotency", None)
    result = await use.accept.accept(body, idempotency=claim)
    if result.replayed:
        response.headers["Idempotent-Replayed"] = "true"
    response.headers["Location"] = f"/api/notifications/{result.view.notification.id}"
    return notification_out(result.view, use.settings)


@router.get("", summary="List notifications")
@requires(Scope.NOTIFICATIONS_READ)
async def list_notifications(
    where: Annotated[NotificationQuery, Query()], use: Use
) -> Listed[NotificationOut]:
    """Newest first."""
    found = await use.notifications.list(where.filter(), where.page())
    return Listed(
        data=[notification_out(view, use.settings) for view in found.items],
        next_cursor=cursor_text(found.next_cursor),
    )


@router.get("/{id}", summary="Get a notification")
@requires(Scope.NOTIFICATIONS_READ)
async def get_notification(notification_id: IdPath, use: Use) -> NotificationOut:
    return notification_out(await use.notifications.get(notification_id), use.settings)


@router.put("/{id}", summary="Change a waiting notification", responses=conflict())
@requires(Scope.NOTIFICATIONS_WRITE)
async def amend_notification(
    notification_id: IdPath, body: AmendNotification, use: Use
) -> NotificationOut:
    """What is absent stays. 409 `already_sent` once anything was tried, `already_final` when it
    has ended."""
    return notification_out(await use.amend.amend(notification_id, body), use.settings)


@router.delete("/{id}", summary="Cancel a notification")
@requires(Scope.NOTIFICATIONS_WRITE)
async def cancel_notification(notification_id: IdPath, use: Use) -> CancelOut:
    """Definite: what had left is named with the provider's id, the rest is never sent."""
    answer = await use.cancel.cancel(notification_id)
    return CancelOut(
        outcome=answer.outcome, deliveries=[delivery_out(d) for d in answer.view.deliveries]
    )


@router.post("/{id}/send-now", summary="Send without waiting")
@requires(Scope.NOTIFICATIONS_WRITE)
async def send_now(notification_id: IdPath, use: Use) -> NotificationOut:
    """Schedule, quiet hours and limits give way; opt-outs and the law do not."""
    return notification_out(await use.amend.send_now(notification_id), use.settings)


@router.get("/{id}/explain", summary="Why it is where it is")
@requires(Scope.NOTIFICATIONS_READ)
async def explain_notification(notification_id: IdPath, use: Use) -> Explanation:
    """Every plan, every gate with the facts it read, and everything that happened."""
    return await use.explain.explain(notification_id)


@router.get("/{id}/deliveries", summary="List its deliveries")
@requires(Scope.NOTIFICATIONS_READ)
async def list_deliveries(notification_id: IdPath, use: Use) -> DeliveriesOut:
    lines = await use.notifications.deliveries(notification_id)
    return DeliveriesOut(data=[delivery_out(line) for line in lines])
