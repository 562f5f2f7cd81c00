"""The formulas against published figures, and what must hold for any counts."""

import math
from statistics import NormalDist

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from domain.ab.statistics import Proportion, difference, holm, lift, wilson, z_test


def of(successes: int, total: int) -> Proportion:
    return Proportion(successes=successes, total=total)


@st.composite
def proportions(draw: st.DrawFn, least: int = 0) -> Proportion:
    total = draw(st.integers(least, 10_000))
    return of(draw(st.integers(0, total)), total)


@pytest.mark.parametrize(
    ("successes", "total", "low", "high"),
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611),
     (1, 29, 0.0061, 0.1718)],
)  # fmt: skip
def test_wilson_as_published(successes: int, total: int, low: float, high: float) -> None:
    """Newcombe 1998, Statistics in Medicine 17:857, table I, method 3."""
    interval = wilson(of(successes, total))
    assert (round(interval.low, 4), round(interval.high, 4)) == (low, high)


@pytest.mark.parametrize(
    ("one", "other", "low", "high"),
    [((56, 70), (48, 80), 0.0524, 0.3339), ((9, 10), (3, 10), 0.1705, 0.8090)],
)
def test_differences_as_published(
    one: tuple[int, int], other: tuple[int, int], low: float, high: float
) -> None:
    """Newcombe 1998, Statistics in Medicine 17:873, table II, method 10."""
    interval = difference(of(*one), of(*other))
    assert interval is not None
    assert (round(interval.low, 4), round(interval.high, 4)) == (low, high)


def test_the_physicians_health_study() -> None:
    """Agresti, Categorical Data Analysis: 189 of 11,034 on placebo had an attack, 104 of 11,037 on
    aspirin. z = 5.00, relative risk 1.82 with interval 1.43 to 2.31."""
    placebo, aspirin = of(189, 11_034), of(104, 11_037)
    z, p = z_test(placebo, aspirin)
    assert round(z, 2) == 5.00
    assert p == pytest.approx(5.7e-7, rel=0.02)
    more, interval = lift(placebo, aspirin)
    assert more is not None
    assert interval is not None
    assert round(more, 2) == 0.82
    assert (round(interval.low, 2), round(interval.high, 2)) == (0.43, 1.31)


def test_holm_as_in_r() -> None:
    """`p.adjust(c(0.01, 0.04, 0.03, 0.005), "holm")`"""
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx((0.03, 0.06, 0.06, 0.02))
    assert holm([0.02]) == (0.02,)
    assert holm([]) == ()
    assert holm([0.6, 0.7]) == (1.0, 1.0)


@given(proportions())
def test_a_rate_lies_in_its_interval(one: Proportion) -> None:
    interval = wilson(one)
    assert 0 <= interval.low <= interval.high <= 1
    if one.rate is not None:
        assert interval.low <= one.rate <= interval.high


@given(st.integers(1, 50), st.integers(1, 50))
def test_more_of_the_same_is_surer(successes: int, failures: int) -> None:
    few = wilson(of(successes, successes + failures))
    many = wilson(of(successes * 10, (successes + failures) * 10))
    assert many.high - many.low < few.high - few.low


@given(proportions(), proportions())
def test_a_comparison_the_other_way_round(one: Proportion, other: Proportion) -> None:
    (z, p), (back, same) = z_test(one, other), z_test(other, one)
    assert z == pytest.approx(-back)
    assert p == pytest.approx(same)
    assert 0 <= p <= 1
    there, here = difference(one, other), difference(other, one)
    if there is None or here is None:
        assert not (one.total and other.total)
        return
    assert there.low == pytest.approx(-here.high)
    assert there.low <= there.high


@given(proportions(), proportions())
def test_the_p_value_is_the_normal_distributions(one: Proportion, other: Proportion) -> None:
    z, p = z_test(one, other)
    assert p == pytest.approx(2 * (1 - NormalDist().cdf(abs(z))), abs=1e-9)


@given(proportions(least=1), proportions(least=1))
def test_a_lift_lies_in_its_interval(one: Proportion, other: Proportion) -> None:
    more, interval = lift(one, other)
    assert (more is None) == (other.successes == 0)
    assert (interval is None) == (0 in {one.successes, other.successes})
    if more is not None and interval is not None:
        assert -1 < interval.low <= more + 1e-9
        assert more <= interval.high + 1e-9
        assert math.isfinite(interval.high)


@given(st.lists(st.floats(0, 1), max_size=8))
def test_holm_never_makes_surer_and_keeps_the_order(p_values: list[float]) -> None:
    adjusted = holm(p_values)
    assert all(p <= q <= 1 for p, q in zip(p_values, adjusted, strict=True))
    ordered = [q for _, q in sorted(zip(p_values, adjusted, strict=True))]
    assert ordered == sorted(ordered)


@pytest.mark.parametrize(("successes", "total"), [(-1, 2), (3, 2)])
def test_impossible_counts_are_refused(successes: int, total: int) -> None:
    with pytest.raises(ValidationError):
        of(successes, total)
