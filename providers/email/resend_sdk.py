"""Resend's SDK with any number of accounts in one process.

It keeps key, address and HTTP client in module globals; its client is replaced by one that takes
them from the account whose call is being made.
"""

from collections.abc import Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from io import BytesIO
from typing import Any, Final

import orjson
import resend
from resend.http_client_async import AsyncHTTPClient
from typing_extensions import override

from providers.http import Pool, note_answer


@dataclass(frozen=True, slots=True)
class Account:
    key: str
    url: str
    pool: Pool


_ONE_WRITE: Final = 2**20
"""Bytes; aiohttp writes what is longer piece by piece, so that others have their turn."""

current_account: ContextVar[Account] = ContextVar("resend_account")


class AccountClient(AsyncHTTPClient):
    """The SDK's HTTP client: one request, over the pool and with the key of the calling account."""

    @override
    async def request(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        json: dict[str, object] | list[object] | None = None,
        files: dict[str, Any] | None = None,
        data: dict[str, str] | None = None,
    ) -> tuple[bytes, int, Mapping[str, str]]:
        account = current_account.get()
        told = {**headers, "Authorization": f"Bearer {account.key}"}
        body: Any = data
        if json:
            # A batch is near a megabyte, which the standard library writes ten times slower.
            told["Content-Type"] = "application/json"
            body = orjson.dumps(json)
            if len(body) > _ONE_WRITE:
                body = BytesIO(body)
        call = account.pool.session().request(
            method,
            account.url + url.removeprefix(resend.api_url),
            headers=told,
            data=body,
            allow_redirects=False,
        )
        async with call as answer:
            content = await answer.read()
            note_answer(answer.status, answer.headers)
            return content, answer.status, answer.headers
