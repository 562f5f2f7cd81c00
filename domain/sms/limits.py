"""How often one number may be written to, whoever the messages are for."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final, NamedTuple

from domain.rules.rolling import read_window


class NumberLimit(NamedTuple):
    """At most `maximum` messages (1 or more) within any `window`."""

    maximum: int
    window: timedelta


DEFAULT_LIMITS: Final = (
    NumberLimit(10, timedelta(hours=1)),
    NumberLimit(30, timedelta(days=1)),
)


def next_allowed(
    times: Sequence[datetime], at: datetime, limits: Sequence[NumberLimit]
) -> datetime | None:
    """When one more message may go to a number that had messages at `times`, in rising order.
    None: at `at` already. The instant named holds for all limits, if nothing else is sent."""
    free_at = at
    settled = False
    while not settled:
        settled = True
        for limit in limits:
            until = read_window(times, limit.maximum, limit.window, free_at).free_at
            if until is not None:
                free_at, settled = until, False
    return free_at if free_at > at else None
