"""A Valkey of a module's own, which it may kill."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from redis.asyncio import Redis

from runtime.embedded.options import EmbeddedOptions
from runtime.embedded.stack import EmbeddedStack


@asynccontextmanager
async def own_valkey(home: Path) -> AsyncIterator[EmbeddedStack]:
    options = EmbeddedOptions(home=home, port=0, keep=False)
    async with EmbeddedStack(options, parts=("valkey",)) as running:
        yield running


def client(url: str) -> "Redis":
    return Redis.from_url(url, protocol=2, socket_connect_timeout=1, socket_timeout=None)
