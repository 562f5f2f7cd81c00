"""A variant's counts, and how much they must be before anything is said to be significant."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from domain.ab.statistics import Proportion

LEAST_RECIPIENTS: Final = 100
LEAST_OUTCOMES: Final = 10
"""Each variant needs both: below, the normal approximation behind the test is not one."""


class Verdict(StrEnum):
    SIGNIFICANT = "significant"
    """The leader is better than every other variant."""
    NOT_SIGNIFICANT = "not_significant"
    """There was enough to go by, and chance explains what was seen."""
    INCONCLUSIVE = "inconclusive"
    """Too few recipients or outcomes to say anything."""


@dataclass(frozen=True, slots=True)
class Arm:
    """One variant's counts. Raises `ValueError` for more outcomes than recipients."""

    name: str
    recipients: int
    outcomes: int
    value: float | None = None
    """The sum of the outcomes' values, where any has one."""

    def __post_init__(self) -> None:
        if not 0 <= self.outcomes <= self.recipients:
            raise ValueError("outcomes lie between 0 and the recipients")

    @property
    def proportion(self) -> Proportion:
        return Proportion(successes=self.outcomes, total=self.recipients)
