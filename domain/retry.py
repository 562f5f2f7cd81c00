"""How often a delivery is tried, and how long it rests in between.

The rest doubles from its first value up to a ceiling, spread by jitter so that what failed together
does not come back together. The jitter comes from a hash: the same delivery and try always rest for
the same time, in any process.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from domain.enums import Channel

RETRY_AFTER_CEILING: Final = timedelta(minutes=1)
"""A provider's `Retry-After` is honoured up to here; asking for longer gets this much."""

LEAST_REST: Final = timedelta(milliseconds=100)

_EXPONENT_CEILING: Final = 32


@dataclass(frozen=True, slots=True)
class RetrySchedule:
    """`max_attempts` counts the first try too; `jitter` is the fraction by which a rest may be
    longer or shorter."""

    max_attempts: int
    initial: timedelta
    factor: float = 2.0
    ceiling: timedelta = timedelta(minutes=10)
    jitter: float = 0.2

    def allows_another(self, attempt: int) -> bool:
        """True when a try may follow after `attempt` tries."""
        return attempt < self.max_attempts


SCHEDULES: Final[Mapping[Channel, RetrySchedule]] = {
    Channel.EMAIL: RetrySchedule(5, timedelta(seconds=10)),
    Channel.SMS: RetrySchedule(3, timedelta(seconds=15)),
    Channel.PUSH: RetrySchedule(3, timedelta(seconds=5)),
    Channel.WEBSOCKET: RetrySchedule(3, timedelta(seconds=5)),
}


def next_delay(
    schedule: RetrySchedule, attempt: int, retry_after: timedelta | None, seed: str
) -> timedelta:
    """The rest after failed try number `attempt` (from 1), never beyond the schedule's ceiling.
    What the provider asked for is taken instead, of which at most a minute counts."""
    if retry_after is not None:
        return min(max(retry_after, LEAST_REST), RETRY_AFTER_CEILING)
    exponent = min(max(attempt, 1) - 1, _EXPONENT_CEILING)
    spread = 1 + schedule.jitter * (2 * _fraction(f"{seed}:{attempt}") - 1)
    return min(schedule.initial * (schedule.factor**exponent * spread), schedule.ceiling)


def _fraction(text: str) -> float:
    """A number in [0, 1), the same for the same text."""
    digest = hashlib.blake2b(text.encode(), digest_size=8).digest()
    return int.from_bytes(digest) / 2**64
