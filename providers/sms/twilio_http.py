"""The HTTP client Twilio's SDK is given.

The SDK's own async client drops time-outs, keeps no headers of a refusal, logs addresses and has
no say in where it goes. This one pools, has one time-out for the whole call, notes the answer, and
swaps scheme and host for those of `api_url`.
"""

import base64
import logging
from datetime import timedelta
from urllib.parse import urlsplit

from twilio.http import AsyncHttpClient
from twilio.http.response import Response
from typing_extensions import override

from providers.http import Pool, note_answer


class PooledTwilioClient(AsyncHttpClient):
    """The SDK's HTTP client. Its sessions live in the event loop that makes the first call."""

    def __init__(self, api_url: str, timeout: timedelta) -> None:
        self._api_url = api_url.rstrip("/")
        self._pool = Pool(api_url, timeout)
        super().__init__(logging.getLogger(__name__), is_async=True)

    @override
    async def request(  # type: ignore[override]  # the SDK's own async client differs so, too
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
        call = self._pool.session().request(
            method,
            url,
            params={name: str(value) for name, value in (params or {}).items()},
            data={name: str(value) for name, value in data.items()} if data else None,
            headers=sent,
            allow_redirects=allow_redirects,
        )
        async with call as answer:
            text = await answer.text(errors="replace")
            note_answer(answer.status, answer.headers)
            return Response(answer.status, text, answer.headers)

    async def close(self) -> None:
        await self._pool.close()


def _basic(user: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()
