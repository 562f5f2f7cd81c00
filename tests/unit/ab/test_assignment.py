"""Who gets which variant: always the same, in the shares asked for, whoever else is there."""

import math
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.ab.assignment import SPAN, Split, assign, hash_of, stream

SEEDS = st.text(max_size=40)
USERS = st.text(min_size=1, max_size=40)
WEIGHTS = st.lists(
    st.floats(0.001, 1000, allow_nan=False, allow_infinity=False), min_size=1, max_size=10
)
FRACTIONS = st.floats(0, 1, allow_nan=False)


def crowd(count: int) -> list[str]:
    return [f"user-{number}" for number in range(count)]


def far_off(seen: int, share: float, total: int) -> float:
    """In standard deviations."""
    return abs(seen - share * total) / math.sqrt(total * share * (1 - share))


def test_the_hash_is_the_first_32_bits_of_the_md5() -> None:
    """MD5(":") = 853ae90f0351324bd73ea615e6487517"""
    assert hash_of("", "") == 0x853AE90F
    assert 0 <= hash_of("seed", "ada") < SPAN


@given(SEEDS, USERS, WEIGHTS, FRACTIONS)
def test_the_same_question_has_the_same_answer(
    seed: str, user: str, weights: list[float], fraction: float
) -> None:
    answer = assign(seed, user, weights, fraction)
    assert answer == assign(seed, user, tuple(weights), fraction)
    assert answer == Split.of(seed, weights, fraction).variant_of(user)
    assert answer is None or 0 <= answer < len(weights)


@given(SEEDS, USERS, WEIGHTS, FRACTIONS, FRACTIONS)
def test_enlarging_the_fraction_keeps_everybody(
    seed: str, user: str, weights: list[float], one: float, other: float
) -> None:
    small, large = sorted((one, other))
    before = assign(seed, user, weights, small)
    assert before is None or assign(seed, user, weights, large) == before
    assert assign(seed, user, weights, 0) is None
    assert assign(seed, user, weights, 1) is not None


@given(SEEDS, WEIGHTS, st.lists(USERS, max_size=20), st.lists(USERS, max_size=20))
def test_more_users_change_nobody(
    seed: str, weights: list[float], some: list[str], more: list[str]
) -> None:
    split = Split.of(seed, weights, 0.5)
    before = [split.variant_of(user) for user in some]
    for user in more:
        split.variant_of(user)
    assert [split.variant_of(user) for user in some] == before


@given(SEEDS, USERS, WEIGHTS, st.sampled_from([0.25, 0.5, 2.0, 4.0]))
def test_only_the_ratio_of_the_weights_counts(
    seed: str, user: str, weights: list[float], factor: float
) -> None:
    scaled = [weight * factor for weight in weights]
    assert assign(seed, user, scaled) == assign(seed, user, weights)


@pytest.mark.parametrize("seed", ["spring", "autumn", "0198"])
@pytest.mark.parametrize(
    ("weights", "fraction"),
    [((1, 1), 1.0), ((1, 1), 0.2), ((3, 1), 1.0), ((0.7, 0.2, 0.1), 0.5), ((1,) * 10, 1.0)],
)
def test_shares_are_as_asked(seed: str, weights: tuple[float, ...], fraction: float) -> None:
    total = 20_000
    seen = Counter(assign(seed, user, weights, fraction) for user in crowd(total))
    for index, weight in enumerate(weights):
        assert far_off(seen[index], fraction * weight / sum(weights), total) < 4.5, seen
    if fraction < 1:
        assert far_off(seen[None], 1 - fraction, total) < 4.5, seen


def test_being_in_the_test_says_nothing_about_the_variant() -> None:
    """Were both asked of one hash, all members of a half would get the first variant."""
    members = [user for user in crowd(20_000) if assign("s", user, (1, 1), 0.5) is not None]
    first = sum(assign("s", user, (1, 1), 0.5) == 0 for user in members)
    assert far_off(first, 0.5, len(members)) < 4.5
    assert stream("s", "fraction") != stream("s", "variant")


def test_two_tests_split_their_users_independently() -> None:
    both = sum(assign("a", u, (1, 1)) == assign("b", u, (1, 1)) for u in crowd(20_000))
    assert far_off(both, 0.5, 20_000) < 4.5


@pytest.mark.parametrize(
    ("weights", "fraction"),
    [((), 1.0), ((1, 0), 1.0), ((1, -1), 1.0), ((1, float("nan")), 1.0), ((1, float("inf")), 1.0),
     ((1,), -0.1), ((1,), 1.1), ((1,), float("nan"))],
)  # fmt: skip
def test_what_cannot_be_split_is_refused(weights: tuple[float, ...], fraction: float) -> None:
    with pytest.raises(ValueError, match=r"weight|fraction"):
        assign("s", "ada", weights, fraction)
