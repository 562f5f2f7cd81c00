"""The dashboard: a list of notifications, and the timeline of each, behind an API key.

The key sits in a cookie that no script can read and no other site can have sent.
"""

from collections.abc import Sequence
from typing import Final
from urllib.parse import parse_qs, urlencode
from uuid import UUID

from fastapi import APIRouter, Request
from starlette.responses import RedirectResponse, Response

from api.dependencies import services_of
from api.errors import status_of
from api.pages.rendering import page
from api.schemas.campaigns import MetricsOut
from api.schemas.notifications import notification_out
from domain.campaigns.records import CampaignStatus
from domain.enums import NotificationStatus, Scope
from domain.errors import Forbidden, HeraldError, NotFound, Unauthorized
from domain.paging import Cursor, PageRequest
from domain.ports.notifications import NotificationFilter
from runtime.container import Container

router = APIRouter(include_in_schema=False)
COOKIE: Final = "herald_key"
_PATH: Final = "/dashboard"
_ROWS: Final = 50
_CAMPAIGNS: Final = 20
_SESSION: Final = 12 * 3600


@router.get("/")
async def root() -> Response:
    return RedirectResponse(_PATH, 303)


@router.get(_PATH)
async def notifications(request: Request) -> Response:
    """Newest first, by user, type and status."""
    services = services_of(request)
    try:
        await _admit(request, services)
        where, cursor = _asked(request)
        found = await services.notifications.list(where, PageRequest(_ROWS, cursor))
    except HeraldError as error:
        return _refused(error)
    next_url = None
    if found.next_cursor is not None:
        query = {**dict(request.query_params), "cursor": found.next_cursor.encode()}
        next_url = f"{_PATH}?{urlencode(query)}"
    return page(
        "notifications.html",
        views=found.items,
        where=where,
        statuses=[status.value for status in NotificationStatus],
        next_url=next_url,
        outbox_url=services.settings.outbox_url,
        temporal_url=services.settings.temporal_ui_url,
    )


@router.get(_PATH + "/notifications/{notification_id}")
async def timeline(request: Request, notification_id: str) -> Response:
    """Everything that was decided and everything that happened."""
    services = services_of(request)
    try:
        await _admit(request, services)
        try:
            wanted = UUID(notification_id)
        except ValueError as error:
            raise NotFound("notification_not_found", "That is no notification's id.") from error
        view = await services.notifications.get(wanted)
        explanation = await services.explain.explain(wanted)
    except HeraldError as error:
        return _refused(error)
    return page(
        "timeline.html",
        view=view,
        explanation=explanation,
        workflow_url=notification_out(view, services.settings).links.workflow,
    )


@router.post(_PATH + "/login")
async def log_in(request: Request) -> Response:
    services = services_of(request)
    form = parse_qs((await request.body()).decode(errors="replace"))
    key = form.get("key", [""])[0].strip()
    try:
        principal = await services.access.authenticate(key)
        principal.require(Scope.NOTIFICATIONS_READ)
    except HeraldError as error:
        return _refused(error)
    answer = RedirectResponse(_PATH, 303)
    answer.set_cookie(
        COOKIE,
        key,
        max_age=_SESSION,
        path=_PATH,
        secure=services.settings.public_url.startswith("https:"),
        httponly=True,
        samesite="strict",
    )
    return answer


@router.post(_PATH + "/logout")
async def log_out() -> Response:
    answer = RedirectResponse(_PATH, 303)
    answer.delete_cookie(COOKIE, path=_PATH)
    return answer


@router.get(_PATH + "/campaigns")
async def campaigns(request: Request) -> Response:
    """Newest first, each with how far it is."""
    services = services_of(request)
    try:
        await _admit(request, services, Scope.CAMPAIGNS_READ)
        views = await services.campaign_board.newest(_CAMPAIGNS)
    except HeraldError as error:
        return _refused(error)
    return page(
        "campaigns.html",
        campaigns=[MetricsOut.of(v.campaign, v.counts, services.clock()) for v in views],
        names={v.campaign.id: v.campaign.name for v in views},
        refresh=_refresh([v.campaign.status for v in views]),
        temporal_url=services.settings.temporal_ui_url,
    )


def _refresh(statuses: Sequence[CampaignStatus]) -> int | None:
    """Seconds after which the page is loaded again."""
    if not {CampaignStatus.RUNNING, CampaignStatus.TESTING}.isdisjoint(statuses):
        return 2
    return 30 if any(status.is_under_way for status in statuses) else None


async def _admit(
    request: Request, services: Container, scope: Scope = Scope.NOTIFICATIONS_READ
) -> None:
    key = request.cookies.get(COOKIE)
    if not key:
        raise Unauthorized("login_needed", "")
    principal = await services.access.authenticate(key)
    principal.require(scope)


def _asked(request: Request) -> tuple[NotificationFilter, Cursor | None]:
    asked = {name: text.replace("\x00", "") for name, text in request.query_params.items()}
    status = asked.get("status", "")
    where = NotificationFilter(
        user_id=asked.get("user") or None,
        type=asked.get("type") or None,
        status=NotificationStatus(status) if status in set(NotificationStatus) else None,
    )
    if not asked.get("cursor"):
        return where, None
    cursor = Cursor.decode(asked["cursor"])
    try:
        UUID(cursor.id)
    except ValueError as error:
        raise NotFound("invalid_cursor", "This page does not exist.") from error
    return where, cursor


def _refused(error: HeraldError) -> Response:
    if isinstance(error, (Unauthorized, Forbidden)):
        return page("login.html", 401, error=error.detail)
    status = status_of(error)
    return page("problem.html", status, title=error.code.replace("_", " "), detail=error.detail)
