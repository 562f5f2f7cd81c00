"""The hosted preference page: what the signed link in a message opens, for its user alone.

A change counts as chosen only where it differs from what was shown, so that saving the page as it
is switches nothing off that was never decided.
"""

from typing import Any, Final
from urllib.parse import parse_qs

from fastapi import APIRouter, Request
from starlette.responses import Response

from api.dependencies import services_of
from api.errors import status_of
from api.pages.rendering import page
from domain.enums import Category, Channel
from domain.errors import HeraldError, NotFound
from domain.signing import verify_link
from runtime.container import Container
from services.preferences import PreferencesView

router = APIRouter(include_in_schema=False)
_CHANNELS: Final = (
    (Channel.EMAIL, "Email"),
    (Channel.SMS, "Text messages"),
    (Channel.PUSH, "Push messages"),
    (Channel.WEBSOCKET, "In the app"),
)
_CATEGORIES: Final = (
    (Category.APPLICATIONS, "My applications"),
    (Category.JOBS, "Jobs for me"),
    (Category.MESSAGES, "Messages"),
    (Category.ANNOUNCEMENTS, "Announcements"),
    (Category.MARKETING, "Newsletters and offers"),
)


@router.get("/preferences/{token}")
async def show(request: Request, token: str) -> Response:
    services = services_of(request)
    try:
        return _page(await services.preferences.get(_user_of(services, token)), saved=False)
    except HeraldError as error:
        return _refused(error)


@router.post("/preferences/{token}")
async def save(request: Request, token: str) -> Response:
    services = services_of(request)
    try:
        user_id = _user_of(services, token)
        view = await services.preferences.get(user_id)
        form = parse_qs((await request.body()).decode(errors="replace"))
        view = await services.preferences.merge(user_id, _change(view, form))
    except HeraldError as error:
        return _refused(error)
    return _page(view, saved=True)


def _user_of(services: Container, token: str) -> str:
    parts = verify_link(services.link_key, token)
    if parts is None or len(parts) != 2 or parts[0] != "preferences":
        raise NotFound("link_not_valid", "This link is not valid.")
    return parts[1]


def _change(view: PreferencesView, form: dict[str, list[str]]) -> dict[str, Any]:
    channels = {
        channel.value: {"enabled": channel in form.get("channel", []), "chosen": False}
        for channel, _ in _CHANNELS
    }
    ticked = form.get("category", [])
    categories = {
        category.value: {"enabled": category in ticked}
        for category, _ in _CATEGORIES
        if (category in ticked) is not _enabled(view, category)
    }
    return {"channels": channels, "categories": categories}


def _enabled(view: PreferencesView, category: Category) -> bool:
    chosen = view.preferences.categories.get(category)
    return chosen is None or chosen.enabled


def _page(view: PreferencesView, *, saved: bool) -> Response:
    return page(
        "preferences.html",
        view=view,
        saved=saved,
        channels=_CHANNELS,
        categories=[(item, words, _enabled(view, item)) for item, words in _CATEGORIES],
    )


def _refused(error: HeraldError) -> Response:
    return page("notice.html", status_of(error), title="Sorry", detail=error.detail)
