"""Asking Valkey for what is welcome and never needed: an answer soon, or none."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Final, TypeVar

from redis.exceptions import RedisError

T = TypeVar("T")

_WITHIN: Final = timedelta(milliseconds=200)
_REST: Final = timedelta(seconds=1)


class Courtesy:
    """After a failure nobody waits for the next one: for `rest` every answer is None at once."""

    def __init__(self, within: timedelta = _WITHIN, rest: timedelta = _REST) -> None:
        self._within = within.total_seconds()
        self._rest = rest.total_seconds()
        self._away_until = 0.0

    async def ask(self, call: Callable[[], Awaitable[T]]) -> T | None:
        """The answer; None when there is none in time. Never raises for an absent Valkey."""
        if time.monotonic() < self._away_until:
            return None
        try:
            async with asyncio.timeout(self._within):
                return await call()
        except (RedisError, OSError):
            self._away_until = time.monotonic() + self._rest
            return None
