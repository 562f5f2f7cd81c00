"""Proportions compared: intervals and tests for counts, in the forms that hold up for small ones.

Wilson's interval for one proportion, Newcombe's for a difference (his method 10), Katz's for a
ratio, the pooled z test for "are they equal?", and Holm's correction where several are asked.
"""

import math
from collections.abc import Sequence
from statistics import NormalDist
from typing import Final, Self

from pydantic import model_validator

from domain.base import Wire

CONFIDENCE: Final = 0.95
ALPHA: Final = 1 - CONFIDENCE
_Z: Final = NormalDist().inv_cdf(1 - ALPHA / 2)


class Interval(Wire):
    """Both ends belong to it."""

    low: float
    high: float


class Proportion(Wire):
    """So many of so many."""

    successes: int
    total: int

    @model_validator(mode="after")
    def _possible(self) -> Self:
        if not 0 <= self.successes <= self.total:
            raise ValueError("successes lie between 0 and the total")
        return self

    @property
    def rate(self) -> float | None:
        return self.successes / self.total if self.total else None


def wilson(one: Proportion) -> Interval:
    """Wilson's score interval; 0 to 1 where there is nothing to go by."""
    n = one.total
    if n == 0:
        return Interval(low=0.0, high=1.0)
    rate, square = one.successes / n, _Z * _Z
    centre = (rate + square / (2 * n)) / (1 + square / n)
    reach = _Z * math.sqrt(rate * (1 - rate) / n + square / (4 * n * n)) / (1 + square / n)
    low = 0.0 if one.successes == 0 else max(0.0, centre - reach)
    high = 1.0 if one.successes == n else min(1.0, centre + reach)
    return Interval(low=low, high=high)


def z_test(one: Proportion, other: Proportion) -> tuple[float, float]:
    """(z, two-sided p) of the pooled test that both rates are equal; (0, 1) where either is
    empty or nobody or everybody succeeded. z is positive when `one` has the higher rate."""
    if one.total == 0 or other.total == 0:
        return 0.0, 1.0
    pooled = (one.successes + other.successes) / (one.total + other.total)
    spread = math.sqrt(pooled * (1 - pooled) * (1 / one.total + 1 / other.total))
    if spread == 0:
        return 0.0, 1.0
    z = (one.successes / one.total - other.successes / other.total) / spread
    # NormalDist().cdf is 1 - tail, which loses the smallest ones.
    return z, math.erfc(abs(z) / math.sqrt(2))


def difference(one: Proportion, other: Proportion) -> Interval | None:
    """Newcombe's interval for the rate of `one` minus that of `other`."""
    first, second = one.rate, other.rate
    if first is None or second is None:
        return None
    here, there = wilson(one), wilson(other)
    between = first - second
    return Interval(
        low=between - math.hypot(first - here.low, there.high - second),
        high=between + math.hypot(here.high - first, second - there.low),
    )


def lift(one: Proportion, other: Proportion) -> tuple[float | None, Interval | None]:
    """By how much the rate of `one` exceeds that of `other`, as a part of the latter, with Katz's
    interval. No lift over a rate of 0 or none; no interval where nobody succeeded."""
    first, second = one.rate, other.rate
    if first is None or not second:
        return None, None
    ratio = first / second
    if ratio == 0:
        return -1.0, None
    spread = math.sqrt(
        max(0.0, 1 / one.successes - 1 / one.total + 1 / other.successes - 1 / other.total)
    )
    reach = math.exp(_Z * spread)
    return ratio - 1, Interval(low=ratio / reach - 1, high=ratio * reach - 1)


def holm(p_values: Sequence[float]) -> tuple[float, ...]:
    """Each p value as it counts when all of them are looked at, in the order given."""
    adjusted = [1.0] * len(p_values)
    highest = 0.0
    order = sorted(range(len(p_values)), key=p_values.__getitem__)
    for rank, index in enumerate(order):
        highest = max(highest, min(1.0, (len(order) - rank) * p_values[index]))
        adjusted[index] = highest
    return tuple(adjusted)
