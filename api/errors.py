"""Every refusal in one shape: `application/problem+json` with a stable `code`."""

import logging
from collections.abc import Mapping, Sequence
from datetime import timedelta
from http import HTTPStatus
from typing import Any, Final

import orjson
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from pydantic.alias_generators import to_camel
from starlette.exceptions import HTTPException
from starlette.responses import Response

from domain.errors import (
    Conflict,
    FieldError,
    Forbidden,
    HeraldError,
    Invalid,
    NotFound,
    RateLimited,
    TooLarge,
    Unauthorized,
    Unavailable,
)
from domain.ports.quotas import QuotaAnswer

PROBLEM_TYPE: Final = "application/problem+json"
_STATUS: Final[Mapping[type[HeraldError], int]] = {
    Invalid: 422,
    NotFound: 404,
    Conflict: 409,
    Forbidden: 403,
    Unauthorized: 401,
    RateLimited: 429,
    TooLarge: 413,
    Unavailable: 503,
}
_HTTP_CODES: Final = {404: "route_not_found", 405: "method_not_allowed"}
_HTTP_DETAILS: Final = {
    404: "There is nothing at this address.",
    405: "This address does not take this method.",
}

log = logging.getLogger(__name__)


class MalformedBody(HeraldError):
    """The body is not JSON: 400."""


class UnsupportedBody(HeraldError):
    """The body is not declared as what the call takes: 415."""


class TooManyCalls(RateLimited):
    """A caller's quota is used up; the answer says when there is some again."""

    def __init__(self, answer: QuotaAnswer) -> None:
        super().__init__(
            "rate_limited",
            f"More than {answer.limit} calls a minute.",
            retry_after=answer.retry_after,
        )
        self.headers = quota_headers(answer)


def quota_headers(answer: QuotaAnswer) -> dict[str, str]:
    return {
        "RateLimit-Limit": str(answer.limit),
        "RateLimit-Remaining": str(answer.remaining),
        "RateLimit-Reset": str(_whole_seconds(answer.reset)),
    }


def _whole_seconds(span: timedelta) -> int:
    return -(-span // timedelta(seconds=1))


def problem(
    status: int,
    code: str,
    detail: str,
    *,
    errors: Sequence[FieldError] = (),
    headers: Mapping[str, str] | None = None,
) -> Response:
    body = {
        "type": f"urn:herald:problem:{code}",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
        "code": code,
        "errors": [{"field": e.field, "code": e.code, "detail": e.detail} for e in errors],
    }
    return Response(orjson.dumps(body), status, headers, media_type=PROBLEM_TYPE)


def status_of(error: HeraldError) -> int:
    if isinstance(error, MalformedBody):
        return 400
    if isinstance(error, UnsupportedBody):
        return 415
    return next(code for kind, code in _STATUS.items() if isinstance(error, kind))


def problem_of(error: HeraldError) -> Response:
    headers: dict[str, str] = {}
    if isinstance(error, Unauthorized):
        headers["WWW-Authenticate"] = 'Bearer realm="herald"'
    if isinstance(error, RateLimited):
        headers["Retry-After"] = str(max(1, _whole_seconds(error.retry_after)))
    if isinstance(error, TooManyCalls):
        headers |= error.headers
    if isinstance(error, Unavailable):
        headers["Retry-After"] = "1"
    return problem(status_of(error), error.code, error.detail, errors=error.errors, headers=headers)


def validation_errors(errors: Sequence[Mapping[str, Any]]) -> tuple[FieldError, ...]:
    """Pydantic's errors in Herald's words: `("body", "userId")` → `userId`."""
    return tuple(FieldError(field_path(item["loc"]), _code(item), _detail(item)) for item in errors)


def field_path(loc: Sequence[str | int]) -> str:
    where, *rest = loc if loc and loc[0] in {"body", "path", "query", "header"} else ("", *loc)
    names = [
        to_camel(part) if where in {"path", "query"} and isinstance(part, str) else str(part)
        for part in rest
        if not (isinstance(part, str) and "[" in part)
    ]
    return ".".join(names) or str(where or "body")


def _code(item: Mapping[str, Any]) -> str:
    code = str(item["type"])
    return "unknown_field" if code == "extra_forbidden" else code


def _detail(item: Mapping[str, Any]) -> str:
    return str(item["msg"]).removeprefix("Value error, ")


async def _on_herald_error(_request: Request, error: Exception) -> Response:
    assert isinstance(error, HeraldError)  # noqa: S101
    return problem_of(error)


async def _on_validation_error(_request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)  # noqa: S101
    return problem(
        422,
        "validation_error",
        "The request is not valid.",
        errors=validation_errors(error.errors()),
    )


async def _on_http_error(_request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101
    return problem(
        error.status_code,
        _HTTP_CODES.get(error.status_code, "http_error"),
        _HTTP_DETAILS.get(error.status_code, str(error.detail)),
        headers=error.headers,
    )


async def _on_unforeseen(request: Request, error: Exception) -> Response:
    log.error(
        "api.unforeseen_error", extra={"path": request.url.path, "error": type(error).__name__}
    )
    return problem(500, "internal_error", "Herald made a mistake. It has been logged.")


def install_error_handlers(app: FastAPI) -> None:
    app.add_exception_handler(HeraldError, _on_herald_error)
    app.add_exception_handler(RequestValidationError, _on_validation_error)
    app.add_exception_handler(HTTPException, _on_http_error)
    app.add_exception_handler(Exception, _on_unforeseen)
