"""What the pages for people outside share: their language, and a way to say that a link is bad."""

from typing import Any, Final

from fastapi import Request
from starlette.responses import Response

from api.documents import refusal
from api.errors import problem_of, status_of
from api.pages.rendering import page
from api.pages.words import LANGUAGES, WORDS
from domain.errors import HeraldError
from runtime.container import Container
from services.catalogue.locales import choose_locale

_LONGEST_HEADER: Final = 200


async def language_of(services: Container, user_id: str, request: Request) -> str:
    """The user's own language as far as the pages speak it, else their browser's. Raises
    `NotFound("user_not_found")`."""
    preferences = (await services.preferences.get(user_id)).preferences
    user = await services.users.get(user_id)
    return choose_locale(list(LANGUAGES), [preferences.language, user.locale, *_accepted(request)])


def language_of_browser(request: Request) -> str:
    return choose_locale(list(LANGUAGES), _accepted(request))


def hosted(template: str, language: str, status: int = 200, **context: Any) -> Response:
    return page(template, status, language=language, words=WORDS[language], **context)


def bad_link(request: Request, error: HeraldError) -> Response:
    """A page for a person, a problem document for a program."""
    if "text/html" not in request.headers.get("accept", ""):
        return problem_of(error)
    language = language_of_browser(request)
    return hosted("notice.html", language, status_of(error))


def bad_link_documented() -> dict[int | str, dict[str, Any]]:
    """`bad_link` in the OpenAPI document."""
    told = refusal(404)
    return {404: {**told, "content": {**told["content"], "text/html": {}}}}


def _accepted(request: Request) -> list[str]:
    """The languages of the browser, in its order."""
    header = request.headers.get("accept-language", "")[:_LONGEST_HEADER]
    return [tag for part in header.split(",") if (tag := part.partition(";")[0].strip())]
