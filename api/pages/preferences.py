"""The hosted preference page: what the signed link in a message opens, for its user alone.

It needs no log-in and no script. A change counts as chosen only where it differs from what was
shown, so that saving the page as it is switches nothing off that was never decided.
"""

from collections.abc import Mapping
from functools import cache
from typing import Any, Final
from urllib.parse import parse_qs
from zoneinfo import available_timezones

from fastapi import APIRouter, Request
from starlette.responses import Response

from api.dependencies import services_of
from api.pages.hosted import bad_link, hosted, language_of
from api.pages.words import LANGUAGES, WORDS
from domain.enums import Category, Channel, ConsentType
from domain.errors import Invalid, NotFound
from domain.signing import verify_link
from runtime.container import Container
from services.people.preferences import PreferencesView

router = APIRouter(include_in_schema=False)
_PATH: Final = "/preferences/{token}"
_CHANNELS: Final = (Channel.EMAIL, Channel.SMS, Channel.PUSH, Channel.WEBSOCKET)
_CATEGORIES: Final = (
    Category.APPLICATIONS,
    Category.JOBS,
    Category.MESSAGES,
    Category.ANNOUNCEMENTS,
    Category.MARKETING,
)
_REGIONS: Final = (
    "Africa", "America", "Antarctica", "Arctic", "Asia", "Atlantic", "Australia", "Europe",
    "Indian", "Pacific",
)  # fmt: skip
_AGREED_BY: Final[Mapping[str, ConsentType]] = {
    Channel.SMS.value: ConsentType.SMS,
    Category.MARKETING.value: ConsentType.MARKETING,
}
"""Boxes whose words ask for a consent."""
_CONSENT_SOURCE: Final = "preference_page"


@router.head(_PATH)
@router.get(_PATH)
async def show(request: Request, token: str) -> Response:
    services = services_of(request)
    try:
        user_id = _user_of(services, token)
        return await _page(request, services, await services.preferences.get(user_id))
    except NotFound as error:
        return bad_link(request, error)


@router.post(_PATH)
async def save(request: Request, token: str) -> Response:
    services = services_of(request)
    try:
        user_id = _user_of(services, token)
        view = await services.preferences.get(user_id)
        form = parse_qs((await request.body()).decode(errors="replace"), keep_blank_values=True)
        try:
            saved = await services.preferences.merge(user_id, _change(view, form))
        except Invalid as error:
            wrong = [problem.field for problem in error.errors]
            return await _page(request, services, view, wrong=wrong)
        saved = await _agree(request, services, saved, form)
        return await _page(request, services, saved, saved=True)
    except NotFound as error:
        return bad_link(request, error)


def _user_of(services: Container, token: str) -> str:
    parts = verify_link(services.link_key, token)
    if parts is None or len(parts) != 2 or parts[0] != "preferences":
        raise NotFound("link_not_valid", "This link is not valid.")
    return parts[1]


def _change(view: PreferencesView, form: Mapping[str, list[str]]) -> dict[str, Any]:
    """Only what differs from what the page shows; parts the form does not hold stay."""
    channels, ticked = form.get("channel", []), form.get("category", [])
    change: dict[str, Any] = {
        "channels": {
            channel.value: {"enabled": channel in channels}
            for channel in _CHANNELS
            if (channel in channels) is not view.enabled(channel)
        },
        "categories": {
            category.value: {"enabled": category in ticked}
            for category in _CATEGORIES
            if (category in ticked) is not _enabled(view, category)
        },
    }
    if "quiet_start" in form and "quiet_end" in form:
        change["quietHours"] = {
            "enabled": "quiet" in form,
            "start": form["quiet_start"][0],
            "end": form["quiet_end"][0],
        }
    offered = {"", *LANGUAGES, view.preferences.language}
    if "language" in form and form["language"][0] in offered:
        change["language"] = form["language"][0] or None
    if "timezone" in form:
        change["timezone"] = form["timezone"][0] or None
    return change


async def _agree(
    request: Request, services: Container, view: PreferencesView, form: Mapping[str, list[str]]
) -> PreferencesView:
    """Who ticks the box next to the words agrees to them; without that nothing would be sent."""
    ticked = {*form.get("channel", []), *form.get("category", [])}
    asked = [
        (consent, box)
        for box, consent in _AGREED_BY.items()
        if box in ticked and not view.consents.get(consent)
    ]
    if not asked:
        return view
    user_id = view.preferences.user_id
    words = WORDS[await language_of(services, user_id, request)]
    for consent, box in asked:
        await services.consents.put(
            user_id,
            consent,
            granted=True,
            source=_CONSENT_SOURCE,
            text=words[f"{box}_hint"],
            at=None,
        )
    return await services.preferences.get(user_id)


def _enabled(view: PreferencesView, category: Category) -> bool:
    """What reaches the user: newsletters only with their consent."""
    chosen = view.preferences.categories.get(category)
    agreed = category is not Category.MARKETING or view.consents.get(ConsentType.MARKETING, False)
    return agreed and (chosen is None or chosen.enabled)


async def _page(
    request: Request,
    services: Container,
    view: PreferencesView,
    *,
    saved: bool = False,
    wrong: list[str] | None = None,
) -> Response:
    held = view.preferences
    user = await services.users.get(held.user_id)
    language = await language_of(services, held.user_id, request)
    return hosted(
        "preferences.html",
        language,
        422 if wrong else 200,
        saved=saved,
        wrong=_named(wrong or [], WORDS[language]),
        channels=[(item, view.enabled(item)) for item in _CHANNELS],
        categories=[(item, _enabled(view, item)) for item in _CATEGORIES],
        quiet=held.quiet_hours,
        languages=_languages(held.language),
        chosen_language=held.language,
        profile_language=LANGUAGES.get(user.locale or "", user.locale),
        regions=_zones(held.timezone),
        chosen_timezone=held.timezone,
        profile_timezone=user.timezone,
    )


def _named(fields: list[str], words: Mapping[str, str]) -> list[str]:
    names = {"quietHours.start": "from", "quietHours.end": "until", "language": "language",
             "timezone": "timezone"}  # fmt: skip
    return [words.get(names.get(field, ""), field) for field in fields]


def _languages(chosen: str | None) -> list[tuple[str, str]]:
    known = list(LANGUAGES.items())
    return known if chosen is None or chosen in LANGUAGES else [*known, (chosen, chosen)]


def _zones(chosen: str | None) -> list[tuple[str, list[tuple[str, str]]]]:
    listed = [(region, list(zones)) for region, zones in _regions()]
    if chosen is not None and not any(chosen == zone for _, zones in listed for zone, _ in zones):
        listed.append(("UTC", [(chosen, chosen)]))
    return listed


@cache
def _regions() -> tuple[tuple[str, tuple[tuple[str, str], ...]], ...]:
    """(region, (zone, its name within the region)…), as a person would look them up."""
    known = sorted(available_timezones())
    return tuple(
        (
            region,
            tuple(
                (zone, zone.partition("/")[2].replace("_", " ").replace("/", ", "))
                for zone in known
                if zone.startswith(f"{region}/")
            ),
        )
        for region in _REGIONS
    )
