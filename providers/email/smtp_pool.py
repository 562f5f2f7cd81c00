"""Connections to one mail server, used again while they live.

A connection is looked at before it is used again, so that one the server closed meanwhile costs a
new connection and never a doubt about a message.
"""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Final, Literal, Self
from urllib.parse import parse_qs, unquote, urlsplit

import aiosmtplib

IDLE_LIMIT: Final = 20.0
"""Seconds; mail servers close what idles for longer than a few minutes."""
MOST_IDLE: Final = 10
MOST_OPEN: Final = 20
StartTls = Literal["auto", "required", "never"]


@dataclass(frozen=True, slots=True)
class SmtpAddress:
    """Where a mail server is and how to log in."""

    host: str
    port: int
    tls: bool
    starttls: StartTls
    user: str | None
    password: str | None

    @classmethod
    def parse(cls, url: str) -> Self:
        """`smtp://user:pw@host:587?starttls=auto|required|never`, or `smtps://`. Raises
        `ValueError`."""
        parts = urlsplit(url)
        if parts.scheme not in {"smtp", "smtps"} or not parts.hostname:
            raise ValueError("SMTP_URL: write smtp://host:port or smtps://host:port")
        tls = parts.scheme == "smtps"
        starttls = parse_qs(parts.query).get("starttls", ["auto"])[0]
        if starttls not in {"auto", "required", "never"}:
            raise ValueError("SMTP_URL: starttls is auto, required or never")
        return cls(
            parts.hostname,
            parts.port or (465 if tls else 587),
            tls,
            "never" if tls else starttls,  # type: ignore[arg-type]
            unquote(parts.username) if parts.username else None,
            unquote(parts.password) if parts.password else None,
        )


class SmtpPool:
    def __init__(self, address: SmtpAddress, timeout: timedelta) -> None:
        self._address = address
        self._timeout = timeout.total_seconds()
        self._idle: list[tuple[float, aiosmtplib.SMTP]] = []
        self._room = asyncio.Semaphore(MOST_OPEN)

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[aiosmtplib.SMTP]:
        """A connection that is logged in, alone to the caller; closed when the caller fails.
        Raises what connecting raises, before anything of a message has left."""
        async with self._room:
            client = await self._take()
            try:
                yield client
            except BaseException:
                client.close()
                raise
            if client.is_connected and len(self._idle) < MOST_IDLE:
                self._idle.append((time.monotonic(), client))
            else:
                client.close()

    async def aclose(self) -> None:
        """Says goodbye on what idles."""
        idle, self._idle = self._idle, []
        for _, client in idle:
            try:
                await client.quit(timeout=1)
            except (aiosmtplib.SMTPException, OSError):
                client.close()

    async def _take(self) -> aiosmtplib.SMTP:
        while self._idle:
            since, client = self._idle.pop()
            if time.monotonic() - since < IDLE_LIMIT and client.is_connected:
                try:
                    await client.rset(timeout=min(self._timeout, 2))
                except (aiosmtplib.SMTPException, OSError):
                    client.close()
                else:
                    return client
            else:
                client.close()
        return await self._open()

    async def _open(self) -> aiosmtplib.SMTP:
        address = self._address
        client = aiosmtplib.SMTP(
            hostname=address.host,
            port=address.port,
            use_tls=address.tls,
            start_tls={"auto": None, "required": True, "never": False}[address.starttls],
            username=address.user,
            password=address.password,
            timeout=self._timeout,
        )
        try:
            await client.connect()
        except BaseException:
            client.close()
            raise
        return client
