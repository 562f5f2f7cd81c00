"""Resend's SDK with any number of accounts in one process.

It keeps key, address and HTTP client in module globals; its client is replaced by one that takes
them from the account whose call is being made.
"""

from collections.abc import Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

import httpx
import orjson
import resend
from resend.http_client_async import AsyncHTTPClient
from typing_extensions import override

from providers.http import note_answer


@dataclass(frozen=True, slots=True)
class Account:
    key: str
    url: str
    http: httpx.AsyncClient


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
        if json:
            # A batch is a megabyte, which the standard library writes ten times slower.
            told["Content-Type"] = "application/json"
        answer = await account.http.request(
            method,
            account.url + url.removeprefix(resend.api_url),
            headers=told,
            content=orjson.dumps(json) if json else None,
            files=files,
            data=data,
        )
        note_answer(answer.status_code, answer.headers)
        return answer.content, answer.status_code, answer.headers
