"""One honest sentence on a test, for people who do not read p values."""

from collections.abc import Sequence
from typing import Final

from domain.ab.counts import LEAST_OUTCOMES, LEAST_RECIPIENTS, Arm
from domain.ab.definition import ABMetric
from domain.ab.statistics import CONFIDENCE, lift

_NOUNS: Final = {
    ABMetric.OPEN: ("open", "opens"),
    ABMetric.CLICK: ("click", "clicks"),
    ABMetric.READ: ("read", "reads"),
    ABMetric.CONVERSION: ("conversion", "conversions"),
}
_VERBS: Final = {
    ABMetric.OPEN: "opened",
    ABMetric.CLICK: "clicked",
    ABMetric.READ: "read",
    ABMetric.CONVERSION: "converted",
}
_SMALLEST_SHOWN: Final = 0.001


def too_little(metric: ABMetric, arms: Sequence[Arm], leader: Arm | None) -> str:
    weakest = min(arms, key=lambda arm: (arm.recipients >= LEAST_RECIPIENTS, arm.outcomes))
    so_far = (
        f"so far {leader.name} leads with {_share(leader)} {_VERBS[metric]}"
        if leader
        else "so far none leads"
    )
    return (
        f"Too little to tell: {weakest.name} has {_counts(metric, weakest)}, and every variant"
        f" needs at least {LEAST_RECIPIENTS} recipients and {LEAST_OUTCOMES}"
        f" {_NOUNS[metric][1]}; {so_far}."
    )


def level(metric: ABMetric, arms: Sequence[Arm]) -> str:
    best = max(arms, key=lambda arm: arm.outcomes / arm.recipients)
    return (
        f"No difference was shown: the best variants are level at {_share(best)} {_VERBS[metric]}."
    )


def ahead(metric: ABMetric, leader: Arm, rival: Arm, p: float, *, clear: bool, others: bool) -> str:
    """`rival`: the best of the rest; `p` of the two, corrected; `others`: there are more."""
    figures = (
        f"{_share(leader)} against {_share(rival)} {_VERBS[metric]}{_gain(leader, rival)},"
        f" {_chance(p)}"
    )
    if clear:
        rest = " and the others" if others else ""
        return f"{leader.name} is better than {rival.name}{rest}: {figures}."
    return (
        f"No difference was shown: {leader.name} leads {rival.name} with {figures}, which chance"
        " explains well enough."
    )


def _gain(leader: Arm, rival: Arm) -> str:
    relative, interval = lift(leader.proportion, rival.proportion)
    if relative is None or interval is None:
        return ""
    low, high = (f"{edge:+.0%}" for edge in (interval.low, interval.high))
    return f" ({relative:+.0%}; {CONFIDENCE:.0%} interval {low} to {high})"


def _chance(p: float) -> str:
    return f"p < {_SMALLEST_SHOWN}" if p < _SMALLEST_SHOWN else f"p = {p:.3f}"


def _share(arm: Arm) -> str:
    return f"{arm.outcomes / arm.recipients:.1%}"


def _counts(metric: ABMetric, arm: Arm) -> str:
    one, many = _NOUNS[metric]
    recipients = "recipient" if arm.recipients == 1 else "recipients"
    return f"{arm.recipients} {recipients} and {arm.outcomes} {one if arm.outcomes == 1 else many}"
