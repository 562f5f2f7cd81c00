"""The mail server's entry. It speaks no HTTP, so an address of that kind is taken for a port."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit
from uuid import uuid4

from domain.ports.providers import Recovery, Rejected, Retry
from providers.email.smtp import SmtpEmailProvider
from tests.contract.vendors.common import (
    ASKED_NOTHING,
    COMMON,
    PATIENCE,
    TELLS_NOTHING,
    Ending,
    Vendor,
)

if TYPE_CHECKING:
    from tests.contract.bench import Bench

SMTP_USER, SMTP_PASSWORD = "herald", "the contract's smtp password"
SENDER = "Jobs <jobs@example.com>"


def smtp(
    url: str,
    public_url: str,
    timeout: timedelta = PATIENCE,
    password: str = SMTP_PASSWORD,
    starttls: str = "never",
) -> SmtpEmailProvider:
    place = urlsplit(url).netloc
    whole = f"smtp://{SMTP_USER}:{password.replace(' ', '%20')}@{place}?starttls={starttls}"
    return SmtpEmailProvider(url=whole, default_sender=SENDER, timeout=timeout)


async def gibberish(bench: "Bench", expected: Ending) -> None:
    """A server that keeps to the protocol until it has the message."""
    from tests.contract.bench import check

    for answer in (b"OK\r\n", b"2x0 fine\r\n", b"{}\r\n"):
        async with talking(answer) as port:
            message = bench.vendor.message()
            provider = bench.provider(f"http://127.0.0.1:{port}")
            check(await provider.send(message), expected, message)


@asynccontextmanager
async def silent(_wire: object) -> AsyncIterator[str]:
    """Until it has the message it says what is to be said."""
    async with talking(b"") as port:
        yield f"http://127.0.0.1:{port}"


class talking:  # noqa: N801 - read as a verb
    """A mail server that answers the message itself with these bytes."""

    def __init__(self, answer: bytes) -> None:
        self._answer = answer

    async def __aenter__(self) -> int:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        port: int = self._server.sockets[0].getsockname()[1]
        return port

    async def __aexit__(self, *_: object) -> None:
        self._server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 odd ESMTP\r\n")
        try:
            while line := await reader.readline():
                word = line.split()[0].upper()
                if word == b"EHLO":
                    writer.write(b"250-odd\r\n250 AUTH PLAIN\r\n")
                elif word == b"AUTH":
                    writer.write(b"235 2.7.0 in\r\n")
                elif word == b"DATA":
                    writer.write(b"354 go\r\n")
                    await reader.readuntil(b"\r\n.\r\n")
                    writer.write(self._answer)
                else:
                    writer.write(b"250 2.0.0 OK\r\n")
        except (ConnectionError, asyncio.IncompleteReadError):
            return
        finally:
            writer.close()


_NOT_NOW: Any = Ending(Retry, "provider_unavailable")

SMTP = Vendor(
    name="smtp",
    prefix="/smtp",
    address=lambda sandbox: sandbox.http.get("/smtp/address").json()["url"],
    recovery=Recovery.NONE,
    build=smtp,
    build_unknown=lambda url, public_url, token_url: smtp(url, public_url, password="wrong"),
    target=lambda: f"ada.{uuid4().hex}@example.com",
    refused_target="unknown@example.com",
    malformed=gibberish,
    silent=silent,
    settings=("SMTP_URL", "SMTP_URL"),
    expected={
        **COMMON,
        **ASKED_NOTHING,
        **TELLS_NOTHING,
        "permanent_refusal": Ending(Rejected, "mailbox_unknown"),
        # SMTP has no word for how long to wait, and its gateways say no instead of nothing.
        "rate_limit_with_retry_after": Ending(Retry, "rate_limited"),
        "unavailable_with_retry_after": _NOT_NOW,
        "gateway_error": _NOT_NOW,
        # Whoever does not greet like a mail server is none.
        "wrong_address": Ending(Retry, "connection_refused", fail_over=True),
        "recovery": "none",
        "repeat": "another message",
        "configuration_bad": "SMTP_URL",
    },
)
