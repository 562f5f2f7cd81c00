"""Runs a relay for as long as a process lives: that of workflows, callbacks or announcements.

Any number of processes may do so: a relay claims what it takes up. A pass that found work is
followed by another at once, an idle or a failed one by a rest.
"""

import asyncio
import logging
import random
from datetime import timedelta
from typing import Final, Protocol

from domain.errors import Unavailable

REST: Final = timedelta(seconds=1)
REST_AFTER_FAILURE: Final = timedelta(seconds=2)

log = logging.getLogger(__name__)


class Relay(Protocol):
    async def run_once(self) -> int:
        """How many rows were taken up. Raises `Unavailable`."""


async def run_relay(relay: Relay, stop: asyncio.Event) -> None:
    """Until `stop` is set. A pass that has begun is finished."""
    trouble = ""
    while not stop.is_set():
        try:
            done = await relay.run_once()
        except Unavailable as away:
            trouble = _noted(away.code, trouble)
            rest = REST_AFTER_FAILURE
        except Exception as error:
            trouble = _noted(type(error).__name__, trouble)
            rest = REST_AFTER_FAILURE
        else:
            trouble, rest = "", timedelta(0) if done else REST
        await _rest(rest, stop)


def _noted(trouble: str, before: str) -> str:
    """Logs a trouble when it begins, not at each pass that it lasts."""
    if trouble != before:
        log.warning("relay.pass_failed", extra={"error": trouble}, exc_info=True)
    return trouble


async def _rest(rest: timedelta, stop: asyncio.Event) -> None:
    """Spread a little, so that processes started together do not ask together."""
    spread = rest.total_seconds() * random.uniform(0.8, 1.2)  # noqa: S311
    try:
        async with asyncio.timeout(spread):
            await stop.wait()
    except TimeoutError:
        return
