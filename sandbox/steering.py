"""The endpoints that steer the sandbox: messages, faults, mode, counts, callbacks.

Plain JSON, camelCase (snake_case is taken too), unknown fields refused with 422 and a sentence that
says what is wrong.
"""

from collections.abc import Mapping
from typing import Annotated, Any, Literal, TypeVar

import httpx
import orjson
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, TypeAdapter, ValidationError
from pydantic.alias_generators import to_camel
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from sandbox.faults import FaultKind, Faults
from sandbox.store import Keep, Store
from sandbox.vendors.base import NoSuchWebhook, Vendor, json_response

_CALLBACK_TIMEOUT = httpx.Timeout(10.0)


class BadSteering(Exception):
    """The steering call cannot be followed."""

    def __init__(
        self, detail: str, status: int = 422, errors: list[dict[str, str]] | None = None
    ) -> None:
        super().__init__(detail)
        self.detail = detail
        self.status = status
        self.errors = errors or []


class _Input(BaseModel):
    model_config = ConfigDict(extra="forbid", alias_generator=to_camel, populate_by_name=True)


_Address = Annotated[str, Field(min_length=1)]


class FaultInput(_Input):
    """Body of `POST /faults`."""

    provider: str
    kind: FaultKind
    status: Annotated[int, Field(ge=400, le=599)] | None = None
    retry_after: Annotated[int, Field(ge=0)] | None = None
    delay_ms: Annotated[int, Field(ge=1, le=600_000)] | None = None
    times: Annotated[int, Field(ge=1)] | None = None
    to: _Address | None = None
    on: Literal["send", "ask", "any"] = "send"


class CallbackInput(_Input):
    """Body of `POST /callbacks`."""

    provider: str
    message_id: str
    event: str
    text: str | None = None


class ModeInput(_Input):
    """Body of `PUT /mode`."""

    keep: Keep


class _ProviderQuery(_Input):
    provider: str | None = None


class _MessagesQuery(_ProviderQuery):
    to: _Address | None = None
    since: AwareDatetime | None = None


_T = TypeVar("_T", bound=BaseModel)


class Steering:
    """The steering API over one store, one set of faults and the vendors."""

    def __init__(
        self, store: Store, faults: Faults, vendors: Mapping[str, Vendor], callback_base_url: str
    ) -> None:
        self._store = store
        self._faults = faults
        self._vendors = vendors
        self._callback_base_url = callback_base_url.rstrip("/")
        self._http = httpx.AsyncClient(timeout=_CALLBACK_TIMEOUT, trust_env=False)

    def routes(self) -> list[Route]:
        return [
            Route("/health", self._health, methods=["GET"]),
            Route("/messages", self._list_messages, methods=["GET"]),
            Route("/messages", self._delete_messages, methods=["DELETE"]),
            Route("/state", self._delete_state, methods=["DELETE"]),
            Route("/counts", self._counts, methods=["GET"]),
            Route("/mode", self._mode, methods=["GET"]),
            Route("/mode", self._set_mode, methods=["PUT"]),
            Route("/faults", self._list_faults, methods=["GET"]),
            Route("/faults", self._add_fault, methods=["POST"]),
            Route("/faults", self._clear_faults, methods=["DELETE"]),
            Route("/callbacks", self._call_back, methods=["POST"]),
        ]

    async def close(self) -> None:
        await self._http.aclose()

    async def _health(self, _request: Request) -> Response:
        return json_response({"status": "ok", "providers": sorted(self._vendors)})

    async def _list_messages(self, request: Request) -> Response:
        query = _read_query(request, _MessagesQuery)
        self._known(query.provider)
        chosen = self._store.select(query.provider, query.to, query.since)
        return json_response({"data": [message.public() for message in chosen]})

    async def _delete_messages(self, _request: Request) -> Response:
        self._store.forget_messages()
        return Response(status_code=204)

    async def _delete_state(self, _request: Request) -> Response:
        self._store.forget_everything()
        self._faults.clear()
        return Response(status_code=204)

    async def _counts(self, request: Request) -> Response:
        query = _read_query(request, _ProviderQuery)
        self._known(query.provider)
        return json_response(await self._store.counts(query.provider))

    async def _mode(self, _request: Request) -> Response:
        return json_response({"keep": self._store.keep})

    async def _set_mode(self, request: Request) -> Response:
        self._store.set_keep((await _read_body(request, ModeInput)).keep)
        return json_response({"keep": self._store.keep})

    async def _list_faults(self, request: Request) -> Response:
        query = _read_query(request, _ProviderQuery)
        self._known(query.provider)
        active = [f for f in self._faults.active() if query.provider in (None, f.provider)]
        return json_response({"data": [fault.public() for fault in active]})

    async def _add_fault(self, request: Request) -> Response:
        wanted = await _read_body(request, FaultInput)
        self._known(wanted.provider)
        if wanted.kind == "status" and wanted.status is None:
            raise BadSteering("a fault of kind `status` needs `status` (400 to 599)")
        if wanted.kind == "delay" and wanted.delay_ms is None:
            raise BadSteering("a fault of kind `delay` needs `delayMs`")
        if wanted.kind != "status" and (wanted.status or wanted.retry_after is not None):
            raise BadSteering("`status` and `retryAfter` belong to faults of kind `status`")
        fault = self._faults.add(**wanted.model_dump())
        return json_response(fault.public(), 201)

    async def _clear_faults(self, request: Request) -> Response:
        query = _read_query(request, _ProviderQuery)
        self._known(query.provider)
        self._faults.clear(query.provider)
        return Response(status_code=204)

    async def _call_back(self, request: Request) -> Response:
        wanted = await _read_body(request, CallbackInput)
        vendor = self._known(wanted.provider)
        if not vendor.events:
            raise BadSteering(f"{vendor.name} sends no webhooks")
        if wanted.event not in vendor.events:
            events = ", ".join(sorted(vendor.events))
            raise BadSteering(f"{vendor.name} has no event `{wanted.event}`; it has: {events}")
        if wanted.event == "reply" and not wanted.text:
            raise BadSteering("a reply needs its `text`")
        message = self._store.find(vendor.name, wanted.message_id)
        if message is None:
            text = f"{vendor.name} keeps no message {wanted.message_id}"
            raise BadSteering(text, 404)
        url = f"{self._callback_base_url}/api/webhooks/{vendor.name}"
        try:
            webhook = vendor.webhook(message, wanted.event, wanted.text, url)
        except NoSuchWebhook as error:
            raise BadSteering(str(error)) from error
        if webhook.status:
            self._store.set_status(message, webhook.status)
        target = webhook.url or url
        try:
            answer = await self._http.post(
                target, content=webhook.content, headers=dict(webhook.headers)
            )
        except httpx.HTTPError as error:
            raise BadSteering(f"{target} did not answer: {error!r}", 502) from error
        return json_response(
            {"status": answer.status_code, "url": target, "sent": dict(webhook.facts)}
        )

    def _known(self, provider: str | None) -> Vendor:
        """The vendor of that name; None stands for all and passes."""
        if provider is not None and provider not in self._vendors:
            names = ", ".join(sorted(self._vendors))
            raise BadSteering(f"no provider `{provider}` here; there are: {names}")
        return self._vendors[provider or next(iter(self._vendors))]


def refuse(_request: Request, error: Exception) -> Response:
    """BadSteering as problem details."""
    assert isinstance(error, BadSteering)  # noqa: S101 - registered for this class only
    content = {
        "title": "Bad steering" if error.status == 422 else "Not possible",
        "status": error.status,
        "detail": error.detail,
        "errors": error.errors,
    }
    response = json_response(content, error.status)
    response.headers["Content-Type"] = "application/problem+json"
    return response


async def _read_body(request: Request, model: type[_T]) -> _T:
    try:
        data: Any = orjson.loads(await request.body())
    except orjson.JSONDecodeError as error:
        raise BadSteering("the body is not JSON") from error
    # Strict, so that "3" is not taken for 3; times and enumerations come as JSON text anyway.
    return _validate(model, data, strict=True)


def _read_query(request: Request, model: type[_T]) -> _T:
    data: dict[str, str] = dict(request.query_params)
    for name in ("to", "since"):
        # A `+` that was not escaped in the query arrives as a space.
        if name == "to" and data.get(name, "").startswith(" "):
            data[name] = f"+{data[name][1:]}"
        elif name == "since" and name in data:
            data[name] = _unspaced(data[name])
    return _validate(model, data, strict=False)


def _unspaced(value: str) -> str:
    """A time whose offset lost its `+`; a space between date and time is left alone."""
    head, gap, tail = value.rpartition(" ")
    return f"{head}+{tail}" if gap and "T" in head else value


def _validate(model: type[_T], data: Any, *, strict: bool) -> _T:
    try:
        return TypeAdapter(model).validate_python(data, strict=strict or None)
    except ValidationError as error:
        errors = [
            {"field": ".".join(str(part) for part in item["loc"]), "message": item["msg"]}
            for item in error.errors()
        ]
        detail = "; ".join(f"{item['field'] or 'body'}: {item['message']}" for item in errors)
        raise BadSteering(detail, errors=errors) from error
