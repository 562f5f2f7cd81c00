"""Counting inside a rolling window: a message counts from its instant until one window later."""

from bisect import bisect_right
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple


class Reading(NamedTuple):
    counted: int
    """Messages that count at the instant asked for."""
    free_at: datetime | None
    """When one more is allowed; None when it is allowed already."""


def read_window(
    times: Sequence[datetime], maximum: int, window: timedelta, at: datetime
) -> Reading:
    """How full the window before `at` is. `times` are in rising order, `maximum` at least 1.

    One more is allowed as soon as the `maximum`-th newest no longer counts.
    """
    counted = len(times) - bisect_right(times, at - window)
    return Reading(counted, times[-maximum] + window if counted >= maximum else None)
