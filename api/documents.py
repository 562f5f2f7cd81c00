"""The OpenAPI document: every answer a route can give is in it, refusals included."""

from typing import Any, Final

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic import BaseModel

from api.schemas.problem import Problem
from domain.enums import Scope

_REFUSALS: Final = {
    400: "The body is not JSON.",
    401: "No credentials, or not valid ones.",
    403: "The caller may not do this.",
    404: "It does not exist.",
    409: "Its state does not allow this, or a call with this Idempotency-Key is running.",
    413: "The body is over its limit.",
    415: "The body is not declared as the media type this call takes.",
    422: "A field is not valid; `errors` names it.",
    429: "Too many calls.",
    503: "A part Herald needs does not answer; nothing was changed.",
}
_HEADERS: Final = {
    401: ("WWW-Authenticate",),
    429: ("Retry-After", "RateLimit-Limit", "RateLimit-Remaining", "RateLimit-Reset"),
    503: ("Retry-After",),
}
IDEMPOTENCY_KEY: Final = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "description": "The same key answers the same for 24 hours, and does the work once.",
    "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]+$"},
}


def refusal(status: int) -> dict[str, Any]:
    answer: dict[str, Any] = {
        "description": _REFUSALS[status],
        "content": {
            "application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}
        },
    }
    if status in _HEADERS:
        answer["headers"] = {
            name: {"schema": {"type": "string"}, "description": ""} for name in _HEADERS[status]
        }
    return answer


def documented(path: str, scope: Scope | None, options: dict[str, Any]) -> dict[str, Any]:
    """A route's options with the refusals it shares with others of its kind."""
    methods = options.get("methods") or {"GET"}
    refusals = {422, 503}
    if scope is not None:
        refusals |= {401, 403, 429}
    if "{" in path:
        refusals.add(404)
    if not {"GET", "HEAD"} & set(methods):
        refusals |= {400, 413, 415}
    if "POST" in methods and scope is not None:
        refusals.add(409)
    given = options.get("responses") or {}
    extra = dict(options.get("openapi_extra") or {})
    if scope is not None:
        extra["security"] = [{"apiKey": []}]
        extra["x-required-scope"] = scope.value
        if "POST" in methods:
            extra["parameters"] = [IDEMPOTENCY_KEY]
    return {
        **options,
        "responses": {**{code: refusal(code) for code in sorted(refusals)}, **given},
        "openapi_extra": extra or None,
    }


def conflict() -> dict[int | str, dict[str, Any]]:
    """For routes other than POST that can meet a state that does not allow them."""
    return {409: refusal(409)}


def install_document(app: FastAPI) -> None:
    """Makes `/openapi.json` once, with the shapes and the security scheme all routes share."""

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            schema = get_openapi(
                title=app.title,
                version=app.version,
                description=app.description,
                routes=app.routes,
            )
            parts = schema.setdefault("components", {})
            shape = Problem.model_json_schema(ref_template="#/components/schemas/{model}")
            parts.setdefault("schemas", {}).update({**shape.pop("$defs", {}), "Problem": shape})
            parts["securitySchemes"] = {"apiKey": {"type": "http", "scheme": "bearer"}}
            app.openapi_schema = schema
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign]


def created(model: type[BaseModel]) -> dict[int | str, dict[str, Any]]:
    """For a `PUT` that also creates."""
    return {201: {"model": model, "description": "It is new."}}


def found_again(model: type[BaseModel]) -> dict[int | str, dict[str, Any]]:
    """For a `POST` that answers with what was there before."""
    return {200: {"model": model, "description": "It was there before."}}
