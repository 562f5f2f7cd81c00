"""`/api/unsubscribe/{token}`: one click out of a type (RFC 8058).

Mail programs POST `List-Unsubscribe=One-Click` without cookies or credentials and follow no
redirect, so the answer is always the page itself. A person who follows the link gets that page
with a button, so that a scanner that opens every link in a message unsubscribes nobody. The same
address takes `scope=all`, and `undo=…` from the page that confirms.
"""

from functools import partial
from typing import Annotated, Any, Final
from urllib.parse import parse_qs

from fastapi import Path, Request
from starlette.background import BackgroundTask
from starlette.responses import HTMLResponse, Response

from api.dependencies import Use
from api.pages.hosted import bad_link, bad_link_documented, hosted, language_of, language_of_browser
from api.pages.words import WORDS
from api.route import api_router, public
from domain.callbacks import EngagementKind
from domain.enums import Channel
from domain.errors import NotFound
from domain.records.catalogue import NotificationType
from runtime.container import Container
from services.feedback.tracking import record_quietly
from services.people.subscriptions import Unsubscribed, UnsubscribeLink

router = api_router("/unsubscribe", "Unsubscribe")
Token = Annotated[str, Path(max_length=1000)]
_FORM: Final = "application/x-www-form-urlencoded"
_FIELDS: Final[dict[str, Any]] = {
    "List-Unsubscribe": {"type": "string", "enum": ["One-Click"]},
    "scope": {"type": "string", "enum": ["all"]},
    "undo": {"type": "string"},
}


@router.head("/{token}", include_in_schema=False)
@router.get(
    "/{token}",
    summary="Ask before unsubscribing",
    response_class=HTMLResponse,
    responses=bad_link_documented(),
)
@public
async def ask(token: Token, request: Request, use: Use) -> Response:
    """Changes nothing."""
    try:
        link = await use.subscriptions.linked(token)
        return await _page(request, use, link, "asked")
    except NotFound as error:
        return bad_link(request, error)


@router.post(
    "/{token}",
    summary="Unsubscribe",
    response_class=HTMLResponse,
    responses=bad_link_documented(),
    openapi_extra={
        "requestBody": {"content": {_FORM: {"schema": {"type": "object", "properties": _FIELDS}}}}
    },
)
@public
async def unsubscribe(token: Token, request: Request, use: Use) -> Response:
    """From the link's type, and the same however often it is called. `scope=all`: from every type
    that is not legally transactional. `undo`, as the page gave it: as it was before."""
    form = await _form(request)
    try:
        if "undo" in form:
            link = await use.subscriptions.resubscribe_by_link(token, form["undo"])
            return await _page(request, use, link, "undone")
        everything = form.get("scope") == "all"
        done = await use.subscriptions.unsubscribe_by_link(token, everything=everything)
        answer = await _page(request, use, done.link, "done", undo=done.undo, everything=everything)
    except NotFound as error:
        return bad_link(request, error)
    answer.background = _recording(use, done)
    return answer


async def _form(request: Request) -> dict[str, str]:
    """Mail programs may send `multipart/form-data`, too: they want the one thing a POST without
    fields does."""
    if not request.headers.get("content-type", "").lower().startswith(_FORM):
        return {}
    text = (await request.body()).decode(errors="replace")
    return {name: values[0] for name, values in parse_qs(text).items()}


async def _page(
    request: Request,
    use: Container,
    link: UnsubscribeLink,
    state: str,
    *,
    undo: str = "",
    everything: bool = False,
) -> Response:
    if link.is_test:
        language = language_of_browser(request)
    else:
        language = await language_of(use, link.user_id, request)
    return hosted(
        "unsubscribe.html",
        language,
        state=state,
        kind=_name(link.type, language),
        careful=link.type.legally_transactional,
        everything=everything,
        undo=undo,
        preferences_url=use.links.preferences(link.user_id),
    )


def _name(kind: NotificationType, language: str) -> str:
    """What a person would call it; a type somebody added has its own name for one."""
    return WORDS[language].get(f"kind_{kind.type}") or kind.type.replace("_", " ").capitalize()


def _recording(use: Container, done: Unsubscribed) -> BackgroundTask | None:
    if done.link.notification_id is None or not done.changed:
        return None
    record = partial(
        use.engagement.record,
        done.link.notification_id,
        Channel.EMAIL,
        EngagementKind.UNSUBSCRIBED,
        use.clock(),
    )
    kind = EngagementKind.UNSUBSCRIBED
    return BackgroundTask(record_quietly, record, done.link.notification_id, kind)
