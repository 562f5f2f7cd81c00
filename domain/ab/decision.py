"""Which variant wins, and the declared rule for when none can be told to.

A significant leader wins. Without significance the leader by rate wins all the same, marked as not
significant, since something must go to the rest and no other choice is better founded. Without a
single leader nobody wins, and the rest gets the baseline: the first variant.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

from domain.ab.counts import Verdict
from domain.ab.definition import ABMetric
from domain.ab.results import MetricResult
from domain.base import Wire

BASELINE: Final = 0


class DecisionReason(StrEnum):
    SIGNIFICANT_LEAD = "significant_lead"
    NOT_SIGNIFICANT = "leads_without_significance"
    TOO_FEW = "leads_with_too_few"
    TIE = "tie"
    NO_OUTCOMES = "no_outcomes"
    NO_RECIPIENTS = "no_recipients"
    BY_HAND = "by_hand"


_LEADS: Final = {
    Verdict.SIGNIFICANT: DecisionReason.SIGNIFICANT_LEAD,
    Verdict.NOT_SIGNIFICANT: DecisionReason.NOT_SIGNIFICANT,
    Verdict.INCONCLUSIVE: DecisionReason.TOO_FEW,
}


@dataclass(frozen=True, slots=True)
class Winner:
    index: int
    name: str
    significant: bool
    reason: DecisionReason
    summary: str


@dataclass(frozen=True, slots=True)
class NoWinner:
    reason: DecisionReason
    summary: str


class Decision(Wire):
    """How a test ended: the variant everybody new gets."""

    variant: str
    index: int
    by: str
    """`metric`, or who decided by hand."""
    significant: bool
    reason: DecisionReason
    summary: str
    at: datetime


def decide_winner(results: Mapping[ABMetric, MetricResult], metric: ABMetric) -> Winner | NoWinner:
    """By the metric declared beforehand, and by no other."""
    result = results[metric]
    for index, variant in enumerate(result.variants):
        if variant.name == result.leader:
            significant = result.verdict is Verdict.SIGNIFICANT
            reason = _LEADS[result.verdict]
            return Winner(index, variant.name, significant, reason, result.summary)
    if not any(variant.recipients for variant in result.variants):
        return NoWinner(DecisionReason.NO_RECIPIENTS, result.summary)
    if not any(variant.outcomes for variant in result.variants):
        return NoWinner(DecisionReason.NO_OUTCOMES, result.summary)
    return NoWinner(DecisionReason.TIE, result.summary)


def variant_for_the_rest(found: Winner | NoWinner) -> int:
    """The index of what those get who did not take part."""
    return found.index if isinstance(found, Winner) else BASELINE
