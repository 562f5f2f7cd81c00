"""What every vendor's stand-in shares: refusing in the vendor's own words, and suffering faults.

A new vendor is one file with a `Vendor` subclass. HTTP vendors give `routes()` of `Endpoint`s; a
vendor with a protocol of its own (SMTP) opens its listener in `start()`, closes it in `stop()`,
asks `faults.strike(...)` for its misfortunes and hands what it took to `store.take(...)`.
"""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from sandbox.config import SandboxConfig
from sandbox.connection import cut
from sandbox.faults import CallKind, Faults
from sandbox.messages import Message
from sandbox.store import Store

MAX_BODY_BYTES = 64 * 1024 * 1024


class Refusal(Exception):
    """The vendor says no. Each vendor renders it in its own error shape."""

    def __init__(self, status: int, code: str | int, message: str, **details: Any) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.details = details


class NoSuchWebhook(Exception):
    """This vendor cannot be made to send that callback; the message says why."""


@dataclass(slots=True)
class Call:
    """One request to a vendor, parsed."""

    request: Request
    body: bytes
    data: Any = None
    """The body in the vendor's terms (a dict, a list)."""
    recipients: Sequence[str] = ()
    """Who it is about, as far as that could be read; faults are aimed by it."""
    delay: float = 0.0
    """Seconds a fault holds the answer back."""
    kind: CallKind | None = None
    """Set when parsing, where one path serves calls that send and calls that ask."""

    async def linger(self) -> None:
        """Suffer the delay now; once."""
        delay, self.delay = self.delay, 0.0
        if delay:
            await asyncio.sleep(delay)


@dataclass(frozen=True, slots=True)
class Webhook:
    """A signed request from the vendor to its customer."""

    content: bytes
    headers: Mapping[str, str]
    url: str | None = None
    """Where to, when the message itself says so; otherwise the configured address."""
    status: str | None = None
    """The message's status from now on."""
    facts: Mapping[str, Any] = field(default_factory=dict)
    """What the steering API shows of it."""


def json_response(
    content: Any, status: int = 200, headers: Mapping[str, str] | None = None
) -> Response:
    return Response(
        orjson.dumps(content),
        status_code=status,
        headers=dict(headers) if headers else None,
        media_type="application/json",
    )


async def read_body(receive: Receive) -> bytes | None:
    """The whole body, or None when it is larger than any vendor here takes."""
    message = await receive()
    body: bytes = message.get("body", b"")
    if not message.get("more_body"):
        return body
    parts, size = [body], len(body)
    while message.get("more_body"):
        message = await receive()
        part: bytes = message.get("body", b"")
        size += len(part)
        if size <= MAX_BODY_BYTES:
            parts.append(part)
    return b"".join(parts) if size <= MAX_BODY_BYTES else None


class Vendor(ABC):
    """One vendor's stand-in."""

    name: ClassVar[str]
    """Its name in the steering API."""
    prefix: ClassVar[str]
    """The path all of its routes start with."""
    events: ClassVar[frozenset[str]] = frozenset()
    """Callback events it can be made to send."""

    def __init__(self, store: Store, faults: Faults, config: SandboxConfig) -> None:
        self.store = store
        self.faults = faults
        self.config = config

    @abstractmethod
    def routes(self) -> list[Route]:
        """Its HTTP API."""

    @abstractmethod
    def refuse(self, refusal: Refusal) -> Response:
        """A refusal in the vendor's own error shape."""

    @abstractmethod
    def fault(self, status: int) -> Refusal:
        """What the vendor says with this status when it is the vendor's own fault."""

    @abstractmethod
    def unknown_path(self, path: str) -> Refusal:
        """What the vendor says about a path it does not have."""

    @abstractmethod
    def webhook(self, message: Message, event: str, text: str | None, url: str) -> Webhook:
        """The signed callback about `message`. Raises NoSuchWebhook when it cannot be made."""

    async def start(self) -> None:
        """Open what is not HTTP."""
        return

    async def stop(self) -> None:
        """Close what `start` opened."""
        return

    def all_routes(self) -> list[Route]:
        """Its routes and a last one for everything else below its prefix."""

        async def unknown(call: Call) -> Response:
            raise self.unknown_path(call.request.url.path)

        rest = Endpoint(self, "ask", unknown)
        methods = ["GET", "POST", "PUT", "PATCH", "DELETE"]
        return [*self.routes(), Route(f"{self.prefix}/{{rest:path}}", rest, methods=methods)]


Parse = Callable[[Call], None]
Handle = Callable[[Call], Awaitable[Response]]


def _nothing_to_parse(_call: Call) -> None:
    return


class Endpoint:
    """ASGI application of one vendor call: parse, suffer faults, handle, answer or be cut off."""

    def __init__(
        self, vendor: Vendor, kind: CallKind, handle: Handle, parse: Parse = _nothing_to_parse
    ) -> None:
        self._vendor = vendor
        self._kind: CallKind = kind
        self._handle = handle
        self._parse = parse

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        vendor = self._vendor
        body = await read_body(receive)
        call = Call(Request(scope), body or b"")
        refusal = None
        try:
            if body is None:
                raise Refusal(413, "payload_too_large", "Request body is too large.")
            self._parse(call)
        except Refusal as caught:
            refusal = caught
        strike = vendor.faults.strike(vendor.name, call.kind or self._kind, call.recipients)
        call.delay = strike.delay
        kind = strike.fault.kind if strike.fault else None
        if kind == "reset":
            await call.linger()
            await cut(scope, receive, "reset")
            return
        headers: dict[str, str] = {}
        if strike.fault and strike.fault.status:
            refusal = vendor.fault(strike.fault.status)
            if strike.fault.retry_after is not None:
                headers["Retry-After"] = str(strike.fault.retry_after)
        response = await self._answer(call, refusal)
        if kind == "drop_response":
            await cut(scope, receive, "close")
            return
        response.headers.update(headers)
        await response(scope, receive, send)

    async def _answer(self, call: Call, refusal: Refusal | None) -> Response:
        try:
            if refusal is not None:
                raise refusal
            response = await self._handle(call)
        except Refusal as caught:
            response = self._vendor.refuse(caught)
        await call.linger()
        return response
