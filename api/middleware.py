"""What every call passes: the body's limit and the metrics. Plain ASGI, for speed."""

import time
from typing import Final

from prometheus_client import Counter, Histogram
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.errors import problem_of
from domain.errors import TooLarge

BODY_LIMIT: Final = 1024 * 1024
LARGE_BODY_LIMIT: Final = 16 * 1024 * 1024
LARGE_BODIES: Final = frozenset(
    {("POST", "/api/notifications/bulk"), ("POST", "/api/audience-lists")}
)

REQUESTS = Counter("herald_http_requests_total", "Calls answered.", ["method", "route", "status"])
LATENCY = Histogram(
    "herald_http_request_seconds",
    "Time to answer a call.",
    ["method", "route"],
    buckets=(0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10),
)


class BodyLimit:
    """Refuses a body that is, or turns out to be, over its limit: 413."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        large = (scope["method"], scope["path"]) in LARGE_BODIES
        limit = LARGE_BODY_LIMIT if large else BODY_LIMIT
        length = _content_length(scope)
        if length is not None and length > limit:
            await problem_of(too_large(limit))(scope, receive, send)
            return
        seen = 0

        async def counted() -> Message:
            nonlocal seen
            message = await receive()
            if message["type"] == "http.request":
                seen += len(message.get("body", b""))
                if seen > limit:
                    raise too_large(limit)
            return message

        await self._app(scope, counted, send)


def too_large(limit: int) -> TooLarge:
    return TooLarge("body_too_large", f"The body is larger than {limit // (1024 * 1024)} MiB.")


def _content_length(scope: Scope) -> int | None:
    for name, value in scope["headers"]:
        if name == b"content-length" and value.isdigit():
            return int(value)
    return None


class Metrics:
    """Counts calls and their time by route, never by what a caller put into the path."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        start = time.perf_counter()
        status = "500"

        async def noted(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = str(message["status"])
            await send(message)

        try:
            await self._app(scope, receive, noted)
        finally:
            route = getattr(scope.get("route"), "path", "unknown")
            REQUESTS.labels(scope["method"], route, status).inc()
            LATENCY.labels(scope["method"], route).observe(time.perf_counter() - start)
