"""Cancelling an activity without losing what it has begun."""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

from temporalio import activity

T = TypeVar("T")


async def let_end(work: Coroutine[Any, Any, T]) -> T:
    """Runs `work`. A mere wish to cancel lets it end, so that the ledger learns how a provider
    call ended."""
    running = asyncio.ensure_future(work)
    try:
        return await asyncio.shield(running)
    except asyncio.CancelledError:
        if _must_stop():
            running.cancel()
            await asyncio.wait([running])
            raise
        return await running


def _must_stop() -> bool:
    """Whether this attempt is over whatever it does: its process ends, or its time is up and
    another attempt may have begun."""
    why = activity.cancellation_details()
    return why is None or why.worker_shutdown or why.timed_out or why.not_found
