"""The right of way, told by a key in Valkey that goes by itself."""

import asyncio
import time
from datetime import timedelta
from typing import Final

from redis.asyncio import Redis

from storage.valkey import Courtesy

KEY: Final = "urgent"
LASTS: Final = timedelta(milliseconds=150)
"""About as long as an urgent notification takes from its acceptance to its provider."""
LOOKS_EVERY: Final = 0.01
"""Seconds."""


class ValkeyPrecedence:
    """Implements `Precedence`. Whoever waits in this process waits for the same instant."""

    def __init__(self, redis: "Redis") -> None:
        self._redis = redis
        self._courtesy = Courtesy()
        self._until = self._looks_at = 0.0

    async def claim(self) -> None:
        await self._courtesy.ask(lambda: self._redis.set(KEY, b"1", px=LASTS))

    async def give_way(self) -> None:
        now = time.monotonic()
        if now >= self._looks_at:
            self._looks_at = now + LOOKS_EVERY
            left = await self._courtesy.ask(lambda: self._redis.pttl(KEY))
            if left is not None and left > 0:
                now = time.monotonic()
                self._until = now + left / 1000
                self._looks_at = self._until + left / 1000
        rest = self._until - time.monotonic()
        if rest > 0:
            await asyncio.sleep(rest)
