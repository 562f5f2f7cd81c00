"""What is said about counts: never more than they show."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.ab.counts import LEAST_OUTCOMES, LEAST_RECIPIENTS, Arm, Verdict
from domain.ab.decision import (
    BASELINE,
    DecisionReason,
    NoWinner,
    Winner,
    decide_winner,
    variant_for_the_rest,
)
from domain.ab.definition import ABMetric
from domain.ab.results import MetricResult, analyze

CLICK = ABMetric.CLICK
COUNTS = st.integers(0, 3000).flatmap(lambda n: st.tuples(st.just(n), st.integers(0, n)))


def said(*counts: tuple[int, int]) -> MetricResult:
    """`(recipients, clicks)` of A, B, C…"""
    return analyze(CLICK, [Arm("ABCDEFGHIJ"[i], n, x) for i, (n, x) in enumerate(counts)])


def decided(*counts: tuple[int, int]) -> Winner | NoWinner:
    return decide_winner({CLICK: said(*counts)}, CLICK)


def test_a_clear_lead() -> None:
    result = said((2000, 160), (2000, 240))
    assert (result.verdict, result.leader) == (Verdict.SIGNIFICANT, "B")
    assert result.summary == (
        "B is better than A: 12.0% against 8.0% clicked (+50%; 95% interval +24% to +81%),"
        " p < 0.001."
    )
    [pair] = result.comparisons
    assert (pair.variant, pair.against, pair.significant) == ("B", "A", True)
    assert pair.lift == pytest.approx(0.5)
    assert pair.difference == pytest.approx(0.04)
    found = decided((2000, 160), (2000, 240))
    assert found == Winner(1, "B", True, DecisionReason.SIGNIFICANT_LEAD, result.summary)


def test_the_baseline_may_win() -> None:
    result = said((2000, 240), (2000, 160))
    assert result.summary.startswith("A is better than B: 12.0% against 8.0% clicked (+50%;")
    assert decided((2000, 240), (2000, 160)) == Winner(
        0, "A", True, DecisionReason.SIGNIFICANT_LEAD, result.summary
    )


def test_a_lead_that_chance_explains() -> None:
    result = said((1000, 100), (1000, 110))
    assert (result.verdict, result.leader) == (Verdict.NOT_SIGNIFICANT, "B")
    assert result.summary == (
        "No difference was shown: B leads A with 11.0% against 10.0% clicked (+10%; 95% interval"
        " -15% to +42%), p = 0.466, which chance explains well enough."
    )
    found = decided((1000, 100), (1000, 110))
    assert isinstance(found, Winner)
    assert (found.name, found.significant) == ("B", False)
    assert found.reason is DecisionReason.NOT_SIGNIFICANT


def test_too_few_to_tell() -> None:
    result = said((99, 12), (120, 60))
    assert (result.verdict, result.leader) == (Verdict.INCONCLUSIVE, "B")
    assert result.summary == (
        "Too little to tell: A has 99 recipients and 12 clicks, and every variant needs at least"
        " 100 recipients and 10 clicks; so far B leads with 50.0% clicked."
    )
    assert not any(pair.significant for pair in result.comparisons)
    found = decided((99, 12), (120, 60))
    assert isinstance(found, Winner)
    assert (found.index, found.significant, found.reason) == (1, False, DecisionReason.TOO_FEW)
    assert variant_for_the_rest(found) == 1
    assert said((1, 1), (1, 0)).summary.startswith("Too little to tell: B has 1 recipient and 0")


@pytest.mark.parametrize(
    ("counts", "reason"),
    [
        (((0, 0), (0, 0)), DecisionReason.NO_RECIPIENTS),
        (((500, 0), (400, 0)), DecisionReason.NO_OUTCOMES),
        (((300, 30), (100, 10)), DecisionReason.TIE),
        (((700, 21), (1400, 42), (100, 2)), DecisionReason.TIE),
    ],
)
def test_nobody_wins_and_the_rest_gets_the_baseline(
    counts: tuple[tuple[int, int], ...], reason: DecisionReason
) -> None:
    found = decided(*counts)
    assert isinstance(found, NoWinner)
    assert found.reason is reason
    assert variant_for_the_rest(found) == BASELINE == 0
    assert said(*counts).leader is None


def test_level_variants_are_said_to_be_level() -> None:
    assert said((300, 30), (100, 10)).summary == (
        "No difference was shown: the best variants are level at 10.0% clicked."
    )
    assert said((0, 0), (0, 0)).summary.endswith("so far none leads.")


def test_of_three_the_winner_beats_both() -> None:
    result = said((2000, 160), (2000, 170), (2000, 260))
    assert (result.verdict, result.leader) == (Verdict.SIGNIFICANT, "C")
    assert result.summary.startswith("C is better than B and the others: 13.0% against 8.5%")
    close = said((2000, 160), (2000, 250), (2000, 260))
    assert (close.verdict, close.leader) == (Verdict.NOT_SIGNIFICANT, "C")
    assert [pair.significant for pair in close.comparisons] == [True, True, False]


def test_one_comparison_that_would_do_alone_does_not_among_many() -> None:
    alone = said((1000, 100), (1000, 130))
    assert alone.verdict is Verdict.SIGNIFICANT
    among = said((1000, 100), (1000, 130), (1000, 100), (1000, 100), (1000, 100))
    assert among.leader == "B"
    assert among.verdict is Verdict.NOT_SIGNIFICANT


@given(st.lists(COUNTS, min_size=2, max_size=6))
def test_what_holds_for_any_counts(counts: list[tuple[int, int]]) -> None:
    result, found = said(*counts), decided(*counts)
    enough = all(n >= LEAST_RECIPIENTS and x >= LEAST_OUTCOMES for n, x in counts)
    assert (result.verdict is Verdict.INCONCLUSIVE) == (not enough)
    assert isinstance(found, Winner) == (result.leader is not None)
    assert 0 <= variant_for_the_rest(found) < len(counts)
    assert result.summary.endswith(".")
    if isinstance(found, Winner):
        rates = [x / n if n else -1.0 for n, x in counts]
        assert rates[found.index] == max(rates)
        assert found.significant == (result.verdict is Verdict.SIGNIFICANT)
    for pair in result.comparisons:
        assert pair.p_value <= pair.adjusted_p_value
    again = MetricResult.model_validate_json(result.model_dump_json(by_alias=True))
    assert again == result


@pytest.mark.parametrize("variants", [2, 4])
def test_equal_variants_are_seldom_called_different(variants: int) -> None:
    """Of tests in which nothing differs, about one in twenty may claim otherwise, and no more."""
    chance, tests = random.Random(20261125), 600
    wrong = 0
    for _ in range(tests):
        counts = [(400, sum(chance.random() < 0.2 for _ in range(400))) for _ in range(variants)]
        wrong += any(pair.significant for pair in said(*counts).comparisons)
    assert wrong / tests < 0.08


def test_impossible_counts_are_refused() -> None:
    with pytest.raises(ValueError, match="outcomes"):
        Arm("A", 1, 2)
