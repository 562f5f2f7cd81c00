"""What an HTTP call that went wrong says about the message it carried.

Two questions decide everything: did the request leave, and did the vendor say that it did not take
the message? What never left may be sent anywhere else; what left without an answer is in doubt and
never reported as not taken.
"""

import ssl
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from functools import lru_cache
from ipaddress import ip_address
from typing import Final
from urllib.parse import urlsplit

import aiohttp
import httpx

from domain.ports.providers import Rejected, Retry, SendOutcome, Uncertain

CONNECT_TIMEOUT: Final = timedelta(seconds=5)
"""A connection that takes longer is taken for refused; less when the whole call may take less."""

KEEP_ALIVE: Final = timedelta(seconds=30)
"""Shorter than any vendor's, so that a pooled connection is not closed under a request."""

_NEVER_LEFT: Final = (
    httpx.ConnectError,
    httpx.ConnectTimeout,
    httpx.PoolTimeout,
    httpx.ProxyError,
    httpx.UnsupportedProtocol,
    httpx.InvalidURL,
    aiohttp.ClientConnectorError,
    aiohttp.ClientProxyConnectionError,
    aiohttp.ConnectionTimeoutError,
    aiohttp.InvalidURL,
)
_LEFT: Final = (httpx.HTTPError, httpx.StreamError, aiohttp.ClientError, TimeoutError, OSError)
_TIMED_OUT: Final = (httpx.TimeoutException, TimeoutError)

GATEWAY_DOUBT: Final = frozenset({502, 504, 520, 524})
"""Answers of something in front of the vendor, which cannot say whether the vendor took it."""


@lru_cache(maxsize=1)
def trusted() -> ssl.SSLContext:
    """Whom this machine trusts, read once: a client that reads it for itself takes 20 ms."""
    return httpx.create_ssl_context()


class Pool:
    """Connections to one vendor, kept open between calls; they live in the event loop that makes
    the first one. A batch of a hundred emails costs a twelfth of what it costs with httpx. How many
    calls are made at once is the workers' to say."""

    def __init__(self, url: str, timeout: timedelta) -> None:
        self._local = is_local(url)
        self._timeout = aiohttp.ClientTimeout(
            total=timeout.total_seconds(),
            sock_connect=min(timeout, CONNECT_TIMEOUT).total_seconds(),
        )
        self._session: aiohttp.ClientSession | None = None

    def session(self) -> aiohttp.ClientSession:
        if self._session is None:
            connector = aiohttp.TCPConnector(
                limit=0, keepalive_timeout=KEEP_ALIVE.total_seconds(), ssl=trusted()
            )
            self._session = aiohttp.ClientSession(
                connector=connector,
                timeout=self._timeout,
                cookie_jar=aiohttp.DummyCookieJar(),
                trust_env=not self._local,
            )
        return self._session

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()


@dataclass(slots=True)
class Exchange:
    """What one SDK call met on the wire, as SDKs leave it out of their errors."""

    status: int | None = None
    """None while there was no answer."""
    headers: Mapping[str, str] = field(default_factory=dict)


_watched: ContextVar[Exchange | None] = ContextVar("providers_exchange", default=None)


@contextmanager
def watched() -> Iterator[Exchange]:
    """Records the answer of the SDK call made inside, by way of `note_answer`."""
    exchange = Exchange()
    token = _watched.set(exchange)
    try:
        yield exchange
    finally:
        _watched.reset(token)


def note_answer(status: int, headers: Mapping[str, str]) -> None:
    """Called by an SDK's HTTP client with each answer."""
    exchange = _watched.get()
    if exchange is not None:
        exchange.status = status
        exchange.headers = headers


def transport_error(error: BaseException) -> Exception | None:
    """The HTTP library's own error within what an SDK raised, or None when there is none."""
    seen: set[int] = set()
    pending: list[BaseException | None] = [error]
    while pending:
        link = pending.pop(0)
        if link is None or id(link) in seen:
            continue
        seen.add(id(link))
        if isinstance(link, (*_NEVER_LEFT, *_LEFT)):
            return link
        cause = getattr(link, "cause", None)
        pending += [
            cause if isinstance(cause, BaseException) else None,
            link.__cause__,
            link.__context__,
        ]
    return None


def transport_outcome(error: Exception) -> Retry | Uncertain:
    """How a send ended that got no answer."""
    text = _describe(error)
    if isinstance(error, _NEVER_LEFT):
        return Retry("connection_refused", text, fail_over=True)
    if isinstance(error, _TIMED_OUT):
        return Uncertain("timeout", text)
    return Uncertain("connection_lost", text)


def status_outcome(status: int, code: str, message: str, headers: Mapping[str, str]) -> SendOutcome:
    """How a send ended by its HTTP status alone. `code` names a permanent refusal."""
    after = retry_after(headers)
    if status < 300:
        return Uncertain("malformed_answer", message)
    if status in (401, 403):
        return Retry("bad_credentials", message, fail_over=True)
    if status < 400 or status in (404, 405):
        return Retry("bad_configuration", message, fail_over=True)
    if status == 429:
        return Retry("rate_limited", message, after=after)
    if status in GATEWAY_DOUBT:
        return Uncertain(f"http_{status}", message)
    if status >= 500 or status == 408:
        return Retry("provider_unavailable", message, after=after)
    return Rejected(code, message)


def retry_after(headers: Mapping[str, str]) -> timedelta | None:
    """The `Retry-After` of an answer, in either of its forms; never negative."""
    value = next((v for k, v in headers.items() if k.lower() == "retry-after"), "").strip()
    if not value:
        return None
    if value.isascii() and value.isdigit():
        return timedelta(seconds=min(int(value), 10**9))
    try:
        at = parsedate_to_datetime(value)
    except ValueError:
        return None
    at = at.replace(tzinfo=UTC) if at.tzinfo is None else at
    return max(at - datetime.now(UTC), timedelta(0))


def without(text: str, *secrets: str) -> str:
    """A vendor's words without the addresses in them: they are kept where people read them."""
    for secret in secrets:
        if secret:
            text = text.replace(secret, "…")
    return text


def is_local(url: str) -> bool:
    """True for a stand-in on this machine, which no outbound proxy can reach."""
    host = urlsplit(url).hostname or ""
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def httpx_timeout(timeout: timedelta) -> httpx.Timeout:
    """Each step of a call within `timeout`, connecting within less."""
    return httpx.Timeout(
        timeout.total_seconds(), connect=min(timeout, CONNECT_TIMEOUT).total_seconds()
    )


def _describe(error: Exception) -> str:
    name = type(error).__name__
    text = str(error).strip()
    return f"{name}: {text}" if text else name
