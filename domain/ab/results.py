"""What the counts of a test say, and how sure they are of it.

Users are compared as they were assigned, whatever became of their messages: only so do the groups
differ by nothing but the variant. The p values are those of one look at the end of the test;
whoever looks every hour and stops at the first small one fools himself.
"""

from collections.abc import Sequence
from itertools import combinations

from domain.ab import words
from domain.ab.counts import LEAST_OUTCOMES, LEAST_RECIPIENTS, Arm, Verdict
from domain.ab.definition import ABMetric
from domain.ab.statistics import (
    ALPHA,
    CONFIDENCE,
    Interval,
    difference,
    holm,
    lift,
    wilson,
    z_test,
)
from domain.base import Wire


class VariantResult(Wire):
    name: str
    recipients: int
    outcomes: int
    rate: float | None
    """Null while nobody got it."""
    interval: Interval
    value: float | None


class Comparison(Wire):
    """One variant against an earlier one; `lift` is relative: 0.5 is half as much again."""

    variant: str
    against: str
    difference: float | None
    difference_interval: Interval | None
    lift: float | None
    lift_interval: Interval | None
    z: float
    p_value: float
    adjusted_p_value: float
    """As it counts among all comparisons of this test (Holm)."""
    significant: bool


class MetricResult(Wire):
    """One metric of a test. `leader` is null while no variant has the highest rate alone."""

    metric: ABMetric
    confidence: float = CONFIDENCE
    verdict: Verdict
    leader: str | None
    summary: str
    variants: tuple[VariantResult, ...]
    comparisons: tuple[Comparison, ...]


def analyze(metric: ABMetric, arms: Sequence[Arm]) -> MetricResult:
    """`arms` in the order of the test's variants, the baseline first."""
    comparisons = _compared(arms)
    leader = _leader(arms)
    verdict = _verdict(arms, leader, comparisons)
    return MetricResult(
        metric=metric,
        verdict=verdict,
        leader=leader.name if leader else None,
        summary=_summary(metric, arms, leader, verdict, comparisons),
        variants=tuple(_variant(arm) for arm in arms),
        comparisons=comparisons,
    )


def _variant(arm: Arm) -> VariantResult:
    return VariantResult(
        name=arm.name,
        recipients=arm.recipients,
        outcomes=arm.outcomes,
        rate=arm.proportion.rate,
        interval=wilson(arm.proportion),
        value=arm.value,
    )


def _compared(arms: Sequence[Arm]) -> tuple[Comparison, ...]:
    pairs = [(later, earlier) for earlier, later in combinations(arms, 2)]
    tests = [z_test(later.proportion, earlier.proportion) for later, earlier in pairs]
    adjusted = holm([p for _, p in tests])
    reliable = _enough(arms)
    return tuple(
        _comparison(later, earlier, test, p, reliable=reliable)
        for (later, earlier), test, p in zip(pairs, tests, adjusted, strict=True)
    )


def _comparison(
    later: Arm, earlier: Arm, test: tuple[float, float], adjusted: float, *, reliable: bool
) -> Comparison:
    one, other = later.proportion, earlier.proportion
    relative, relative_interval = lift(one, other)
    known = one.rate is not None and other.rate is not None
    return Comparison(
        variant=later.name,
        against=earlier.name,
        difference=(one.rate or 0) - (other.rate or 0) if known else None,
        difference_interval=difference(one, other),
        lift=relative,
        lift_interval=relative_interval,
        z=test[0],
        p_value=test[1],
        adjusted_p_value=adjusted,
        significant=reliable and adjusted < ALPHA,
    )


def _enough(arms: Sequence[Arm]) -> bool:
    return all(
        arm.recipients >= LEAST_RECIPIENTS and arm.outcomes >= LEAST_OUTCOMES for arm in arms
    )


def _leader(arms: Sequence[Arm]) -> Arm | None:
    """The arm whose rate is above every other one's."""
    tried = [arm for arm in arms if arm.recipients]
    if not tried:
        return None
    best = max(tried, key=lambda arm: arm.outcomes / arm.recipients)
    # Cross-multiplied, so that equal rates are equal.
    equal = [a for a in tried if a.outcomes * best.recipients == best.outcomes * a.recipients]
    return best if len(equal) == 1 and best.outcomes else None


def _verdict(arms: Sequence[Arm], leader: Arm | None, comparisons: Sequence[Comparison]) -> Verdict:
    if not _enough(arms):
        return Verdict.INCONCLUSIVE
    if leader is None:
        return Verdict.NOT_SIGNIFICANT
    of_leader = [c for c in comparisons if leader.name in {c.variant, c.against}]
    clear = all(comparison.significant for comparison in of_leader)
    return Verdict.SIGNIFICANT if clear else Verdict.NOT_SIGNIFICANT


def _summary(
    metric: ABMetric,
    arms: Sequence[Arm],
    leader: Arm | None,
    verdict: Verdict,
    comparisons: Sequence[Comparison],
) -> str:
    if verdict is Verdict.INCONCLUSIVE:
        return words.too_little(metric, arms, leader)
    if leader is None:
        return words.level(metric, arms)
    rival = max((arm for arm in arms if arm is not leader), key=lambda a: a.outcomes / a.recipients)
    pair = {leader.name, rival.name}
    p = next(c.adjusted_p_value for c in comparisons if {c.variant, c.against} == pair)
    return words.ahead(
        metric, leader, rival, p, clear=verdict is Verdict.SIGNIFICANT, others=len(arms) > 2
    )
