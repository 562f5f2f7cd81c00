"""Heartbeats in the background, so that a killed worker is noticed in seconds.

They say only that this process lives; how far a delivery got is written in the ledger.
"""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

from temporalio import activity

BEATS_PER_TIMEOUT = 3


@contextmanager
def heartbeating() -> Iterator[None]:
    """Beats for the present activity until the block ends. Does nothing for an activity without
    a heartbeat timeout."""
    timeout = activity.info().heartbeat_timeout
    if timeout is None:
        yield
        return
    loop = asyncio.get_running_loop()
    interval = timeout.total_seconds() / BEATS_PER_TIMEOUT
    timer: asyncio.TimerHandle

    def beat() -> None:
        activity.heartbeat()
        rest()

    def rest() -> None:
        nonlocal timer
        timer = loop.call_later(interval, beat)

    rest()
    try:
        yield
    finally:
        timer.cancel()
