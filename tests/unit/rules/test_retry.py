"""Retries: bounded, spread, repeatable, never earlier than a provider asked."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.enums import Channel
from domain.retry import LEAST_REST, RETRY_AFTER_CEILING, SCHEDULES, RetrySchedule, next_delay

SECOND = timedelta(seconds=1)
schedules = st.sampled_from(list(SCHEDULES.values()))


@pytest.mark.parametrize(
    ("channel", "tries", "seconds"),
    [
        (Channel.EMAIL, 5, 10),
        (Channel.SMS, 3, 15),
        (Channel.PUSH, 3, 5),
        (Channel.WEBSOCKET, 3, 5),
    ],
)
def test_schedules(channel: Channel, tries: int, seconds: int) -> None:
    schedule = SCHEDULES[channel]
    assert (schedule.max_attempts, schedule.initial) == (tries, seconds * SECOND)
    assert schedule.allows_another(tries - 1)
    assert not schedule.allows_another(tries)


def test_rests_double_without_jitter_up_to_the_ceiling() -> None:
    plain = RetrySchedule(20, 10 * SECOND, jitter=0)
    rests = [next_delay(plain, attempt, None, "x").total_seconds() for attempt in range(1, 9)]
    assert rests == [10, 20, 40, 80, 160, 320, 600, 600]


@given(schedules, st.integers(0, 10_000), st.text())
def test_a_rest_is_near_its_step_and_always_the_same(
    schedule: RetrySchedule, attempt: int, seed: str
) -> None:
    rest = next_delay(schedule, attempt, None, seed)
    assert rest == next_delay(schedule, attempt, None, seed)
    step = min(schedule.initial * 2.0 ** min(max(attempt - 1, 0), 20), schedule.ceiling)
    assert step * 0.8 <= rest + timedelta(microseconds=1)
    assert rest <= min(step * 1.2, schedule.ceiling)


def test_jitter_spreads_deliveries_and_tries() -> None:
    email = SCHEDULES[Channel.EMAIL]
    rests = [next_delay(email, 1, None, f"delivery-{n}") for n in range(200)]
    assert len(set(rests)) == 200
    assert min(rests) < 8.5 * SECOND
    assert max(rests) > 11.5 * SECOND


@given(schedules, st.integers(1, 6), st.timedeltas(timedelta(0), timedelta(hours=2)), st.text())
def test_retry_after_is_honoured_up_to_a_minute(
    schedule: RetrySchedule, attempt: int, asked: timedelta, seed: str
) -> None:
    rest = next_delay(schedule, attempt, asked, seed)
    assert rest == max(LEAST_REST, min(asked, RETRY_AFTER_CEILING))
