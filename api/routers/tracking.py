"""`/api/t`: the pixel that says a message was opened, and the redirect that counts a click.

The answer comes before the recording and does not depend on it. Only addresses Herald signed
itself are redirected to.
"""

import base64
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Annotated, Final

from fastapi import Path, Request
from starlette.background import BackgroundTask
from starlette.responses import RedirectResponse, Response

from api.dependencies import Use
from api.pages.hosted import bad_link, bad_link_documented
from api.route import api_router, public
from domain.callbacks import EngagementKind
from domain.campaigns.tracked import read_campaign_tracked
from domain.errors import NotFound
from domain.tracking import MAX_TOKEN, Tracked, is_automatic, read_tracked
from runtime.container import Container
from services.feedback.tracking import record_quietly

router = api_router("/t", "Tracking")
Token = Annotated[str, Path(max_length=MAX_TOKEN)]
_PIXEL: Final = base64.b64decode("R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7")
_HEADERS: Final = {
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Robots-Tag": "noindex",
}


class _Gif(Response):
    media_type = "image/gif"


@router.head("/o/{token}", include_in_schema=False)
@router.get("/o/{token}", summary="A message was opened", response_class=_Gif)
@public
async def opened(token: Token, request: Request, use: Use) -> Response:
    """A transparent image of one pixel."""
    tracked = _read(use, token, EngagementKind.OPENED)
    return _Gif(_PIXEL, headers=_HEADERS, background=_recording(tracked, request, use))


@router.head("/c/{token}", include_in_schema=False)
@router.get(
    "/c/{token}",
    summary="A link was clicked",
    status_code=302,
    response_class=RedirectResponse,
    responses=bad_link_documented(),
)
@public
async def clicked(token: Token, request: Request, use: Use) -> Response:
    """Leads to where the link in the message would have led."""
    try:
        tracked = _read(use, token, EngagementKind.CLICKED)
    except NotFound as error:
        return bad_link(request, error)
    assert tracked.url is not None  # noqa: S101
    background = _recording(tracked, request, use)
    return RedirectResponse(tracked.url, 302, _HEADERS, background)


def _read(use: Container, token: str, kind: EngagementKind) -> Tracked:
    tracked = read_tracked(use.link_key, token) or read_campaign_tracked(use.link_key, token)
    if tracked is None or tracked.kind is not kind:
        raise NotFound("link_not_valid", "This link is not valid.")
    return tracked


def _recording(tracked: Tracked, request: Request, use: Container) -> BackgroundTask | None:
    """Runs when the answer is out; None for a call no person made."""
    if is_automatic(request.method, request.headers):
        return None
    record: Callable[[], Awaitable[object]] = partial(
        use.engagement.record,
        tracked.notification_id,
        tracked.channel,
        tracked.kind,
        use.clock(),
        tracked.url,
    )
    if tracked.ordinal is not None:
        record = partial(
            use.campaign_engagement.record,
            tracked.notification_id,
            tracked.ordinal,
            tracked.kind,
            use.clock(),
            tracked.url,
        )
    return BackgroundTask(record_quietly, record, tracked.notification_id, tracked.kind)
