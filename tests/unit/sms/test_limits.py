"""When one more message may go to a number."""

from collections.abc import Sequence
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.sms.limits import DEFAULT_LIMITS, NumberLimit, next_allowed
from tests.unit.rules.builders import NOW

HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def before(*minutes: float) -> list[datetime]:
    return sorted(NOW - timedelta(minutes=m) for m in minutes)


@pytest.mark.parametrize(
    ("times", "limits", "wait"),
    [
        ([], DEFAULT_LIMITS, None),
        (before(*range(1, 10)), DEFAULT_LIMITS, None),
        (before(*range(1, 11)), DEFAULT_LIMITS, timedelta(minutes=50)),
        (before(60, *range(1, 10)), DEFAULT_LIMITS, None),
        (before(*range(61, 91)), DEFAULT_LIMITS, DAY - timedelta(minutes=90)),
        (before(*range(61, 90)), DEFAULT_LIMITS, None),
        (before(1), (), None),
        (before(1, 30), (NumberLimit(1, HOUR),), timedelta(minutes=59)),
        (before(-5), (NumberLimit(1, HOUR),), timedelta(minutes=65)),
    ],
)
def test_examples(
    times: Sequence[datetime], limits: Sequence[NumberLimit], wait: timedelta | None
) -> None:
    assert next_allowed(times, NOW, limits) == (None if wait is None else NOW + wait)


moments = st.lists(st.integers(-1500, 30).map(lambda m: NOW + timedelta(minutes=m)), max_size=40)
some_limits = st.lists(
    st.builds(
        NumberLimit, st.integers(1, 5), st.integers(1, 600).map(lambda m: timedelta(minutes=m))
    ),
    max_size=3,
)


@given(moments.map(sorted), some_limits)
def test_the_instant_named_keeps_every_limit_and_is_the_first(
    times: list[datetime], limits: list[NumberLimit]
) -> None:
    def kept(at: datetime) -> bool:
        return all(
            sum(at - limit.window < time for time in times) < limit.maximum for limit in limits
        )

    free_at = next_allowed(times, NOW, limits)
    if free_at is None:
        assert kept(NOW)
    else:
        assert kept(free_at)
        assert free_at > NOW
        assert not kept(free_at - timedelta(microseconds=1))
