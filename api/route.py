"""Every route of the API: who may call it, how often, and what an `Idempotency-Key` does there.

An endpoint says who may call it with `@requires(...)` or `@public`; one that says nothing cannot
be registered.
"""

import contextlib
import hashlib
import re
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from fastapi import APIRouter, Request
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException
from starlette.responses import Response
from typing_extensions import override

from api.body import JsonRequest, parse_json
from api.dependencies import services_of
from api.documents import documented
from api.errors import TooManyCalls, UnsupportedBody, quota_headers
from api.uploads import file_body, received
from domain.enums import Scope
from domain.errors import FieldError, Forbidden, Invalid, Unavailable
from domain.ports.idempotency import StoredResponse
from domain.ports.quotas import QuotaAnswer
from runtime.container import Container
from services.access.callers import Principal, refused
from services.notifications.accept import IdempotencyClaim

Endpoint = TypeVar("Endpoint", bound=Callable[..., Any])
Handler = Callable[[Request], Coroutine[Any, Any, Response]]
_KEY: Final = re.compile(r"[\x21-\x7e]{1,255}")
_ACCESS: Final = "__herald_access__"


@dataclass(frozen=True, slots=True)
class Access:
    scope: Scope | None
    """None: anyone may call it."""
    own_user: bool = False
    """A user token may, too, for the user that the path names."""
    stored_answers: bool = True
    """Whether the answer to an `Idempotency-Key` is stored; else the service sees to it."""
    takes: str | None = None
    """The media type of a body that is a file, `api.uploads`; else bodies are JSON."""


def requires(
    scope: Scope,
    *,
    own_user: bool = False,
    stored_answers: bool = True,
    takes: str | None = None,
) -> Callable[[Endpoint], Endpoint]:
    """The scope a key needs, and whether the user named by the path may call it as well."""

    def mark(endpoint: Endpoint) -> Endpoint:
        setattr(endpoint, _ACCESS, Access(scope, own_user, stored_answers, takes))
        return endpoint

    return mark


def public(endpoint: Endpoint) -> Endpoint:
    """Anyone may call it."""
    setattr(endpoint, _ACCESS, Access(None))
    return endpoint


class HeraldRoute(APIRoute):
    def __init__(self, path: str, endpoint: Callable[..., Any], **options: Any) -> None:
        access: Access | None = getattr(endpoint, _ACCESS, None)
        if access is None:
            raise TypeError(f"{endpoint.__name__} does not say who may call it")
        self.access = access
        if access.takes is not None:
            options["openapi_extra"] = file_body(access.takes)
        super().__init__(path, endpoint, **documented(path, access.scope, options))

    @override
    def get_route_handler(self) -> Handler:
        inner = super().get_route_handler()

        async def handle(request: Request) -> Response:
            _refuse_null_characters(request)
            services = services_of(request)
            quota = None
            if self.access.scope is not None:
                principal = await self._recognise(request, services)
                request.state.principal = principal
                quota = await _take(principal, services)
            response = await self._answer(request, inner, services)
            if quota is not None:
                response.headers.update(quota_headers(quota))
            return response

        return handle

    async def _answer(self, request: Request, inner: Handler, services: Container) -> Response:
        if self.access.takes is not None:
            async with received(request, self.access.takes) as upload:
                request.state.upload = upload
                return await self._run(request, upload.digest, inner, services)
        body = await request.body() if request.method not in {"GET", "HEAD"} else b""
        parsed = self._parsed(request, body)
        prepared = JsonRequest(request.scope, request.receive, body, parsed)
        return await self._run(prepared, body, inner, services)

    async def _recognise(self, request: Request, services: Container) -> Principal:
        principal = await services.access.authenticate(bearer_of(request.headers))
        assert self.access.scope is not None  # noqa: S101
        if principal.user_id is None:
            principal.require(self.access.scope)
        elif not self.access.own_user or request.path_params["user_id"] != principal.user_id:
            raise Forbidden("missing_scope", "A user token only opens its own user's things.")
        return principal

    def _parsed(self, request: Request, body: bytes) -> Any:
        if not body or self.body_field is None:
            return None
        declared = request.headers.get("content-type", "application/json")
        media_type = declared.partition(";")[0].strip().lower()
        if media_type != "application/json" and not media_type.endswith("+json"):
            raise UnsupportedBody("unsupported_media_type", "Send the body as application/json.")
        return parse_json(body)

    async def _run(
        self, request: Request, body: bytes, inner: Handler, services: Container
    ) -> Response:
        key = request.headers.get("idempotency-key")
        if request.method != "POST" or key is None or self.access.scope is None:
            return await inner(request)
        claim = _claim(request, key, body)
        request.state.idempotency = claim
        if not self.access.stored_answers:
            return await inner(request)
        held = await services.idempotency.claim(claim)
        if held is not None:
            return Response(
                held.body,
                held.status,
                {"Idempotent-Replayed": "true"},
                media_type="application/json",
            )
        return await _once(inner(request), claim, services)


async def _once(
    call: Awaitable[Response], claim: IdempotencyClaim, services: Container
) -> Response:
    """Runs the call and keeps a good answer; after anything else the key is free again."""
    kept = False
    try:
        response = await call
        if response.status_code < 400:
            await services.idempotency.complete(
                claim, StoredResponse(response.status_code, bytes(response.body))
            )
            kept = True
        return response
    finally:
        if not kept:
            with contextlib.suppress(Unavailable):
                await services.idempotency.release(claim)


def bearer_of(headers: Any) -> str:
    """The credential of an `Authorization: Bearer` header. Raises `Unauthorized`."""
    kind, _, credential = headers.get("authorization", "").partition(" ")
    if kind.lower() != "bearer" or not credential.strip():
        raise refused("Send an API key: Authorization: Bearer …")
    return str(credential.strip())


async def _take(principal: Principal, services: Container) -> QuotaAnswer | None:
    if principal.rate_limit is None:
        return None
    answer = await services.quotas.take(principal.actor, principal.rate_limit)
    if not answer.allowed:
        raise TooManyCalls(answer)
    return answer


def _claim(request: Request, key: str, body: bytes) -> IdempotencyClaim:
    if not _KEY.fullmatch(key):
        problem = FieldError(
            "Idempotency-Key", "idempotency_key_invalid", "1 to 255 visible ASCII characters."
        )
        raise Invalid("validation_error", problem.detail, errors=(problem,))
    asked = f"{request.method} {request.url.path}?{request.url.query}\n".encode()
    digest = hashlib.sha256(asked + body).hexdigest()
    return IdempotencyClaim(request.state.principal.actor, key, digest)


def _refuse_null_characters(request: Request) -> None:
    if "\x00" in request.scope["path"] or b"%00" in request.scope["query_string"]:
        problem = FieldError("path", "null_character", "Text must not hold the NUL character.")
        raise Invalid("validation_error", problem.detail, errors=(problem,))


def only(router: APIRouter, path: str, *methods: str) -> None:
    """Answers 405 for all other methods at a path that a route with an id would match, too."""

    @public
    async def not_allowed() -> Response:
        raise HTTPException(405, headers={"Allow": ", ".join(methods)})

    others = {"GET", "POST", "PUT", "PATCH", "DELETE"} - set(methods)
    router.add_api_route(path, not_allowed, methods=sorted(others), include_in_schema=False)


def api_router(prefix: str, tag: str) -> APIRouter:
    """A router under `/api` whose routes are `HeraldRoute`s."""
    return APIRouter(
        prefix=f"/api{prefix}", tags=[tag], route_class=HeraldRoute, strict_content_type=False
    )
