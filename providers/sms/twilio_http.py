"""The HTTP client Twilio's SDK is given.

The SDK's own async client drops time-outs, keeps no headers of a refusal, logs addresses and has
no say in where it goes. This one pools, has one time-out for the whole call, notes the answer, and
swaps scheme and host for those of `api_url`.
"""

import base64
import logging
from datetime import timedelta
from urllib.parse import urlsplit

import aiohttp
from twilio.http import AsyncHttpClient
from twilio.http.response import Response
from typing_extensions import override

from providers.http import CONNECT_TIMEOUT, KEEP_ALIVE, is_local, note_answer


class PooledTwilioClient(AsyncHttpClient):
    """The SDK's HTTP client. Its sessions live in the event loop that makes the first call."""

    def __init__(self, api_url: str, timeout: timedelta) -> None:
        self._api_url = api_url.rstrip("/")
        self._timeout = aiohttp.ClientTimeout(
            total=timeout.total_seconds(),
            sock_connect=min(timeout, CONNECT_TIMEOUT).total_seconds(),
        )
        self._session: aiohttp.ClientSession | None = None
        super().__init__(logging.getLogger(__name__), is_async=True)

    @override
    async def request(  # type: ignore[override] # the SDK's own async client differs so, too  # type: ignore[override]  # the SDK's own async client differs too
        self,
        method: str,
        uri: str,
        params: dict[str, object] | None = None,
        data: dict[str, object] | None = None,
        headers: dict[str, str] | None = None,
        auth: tuple[str, str] | None = None,
        timeout: float | None = None,
        allow_redirects: bool = False,
    ) -> Response:
        asked = urlsplit(uri)
        url = self._api_url + asked.path + (f"?{asked.query}" if asked.query else "")
        sent = dict(headers or {})
        if auth is not None:
            sent["Authorization"] = _basic(*auth)
        call = self._pool().request(
            method,
            url,
            params={name: str(value) for name, value in (params or {}).items()},
            data={name: str(value) for name, value in data.items()} if data else None,
            headers=sent,
            timeout=self._timeout,
            allow_redirects=allow_redirects,
        )
        async with call as answer:
            text = await answer.text(errors="replace")
            note_answer(answer.status, answer.headers)
            return Response(answer.status, text, answer.headers)

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()

    def _pool(self) -> aiohttp.ClientSession:
        if self._session is None:
            connector = aiohttp.TCPConnector(
                limit=100, keepalive_timeout=KEEP_ALIVE.total_seconds()
            )
            self._session = aiohttp.ClientSession(
                connector=connector,
                cookie_jar=aiohttp.DummyCookieJar(),
                trust_env=not is_local(self._api_url),
            )
        return self._session


def _basic(user: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()
