"""When what recurs occurs: against a walk that looks at the clock every minute, and by examples."""

from datetime import UTC, date, datetime, time, timedelta
from itertools import islice, pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.campaigns.recurrence import (
    FIRST_ZONE,
    LEAST_APART,
    CronProblem,
    next_occurrences,
    occurrence_schedule,
    recurrence_of,
)
from domain.campaigns.shapes import Schedule
from domain.rules.local_time import first_instant
from tests.unit.campaigns.schedules import CHANGES, DAY, schedules, walked

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)


def found(given_schedule: dict[str, Any], count: int = 5, now: datetime = NOW) -> list[str]:
    schedule = Schedule.model_validate(given_schedule)
    return [at.isoformat(timespec="minutes") for at in next_occurrences(schedule, now, count)]


@settings(max_examples=60, deadline=None)
@given(schedules())
def test_it_occurs_when_a_clock_that_is_watched_comes_by(drawn: tuple[Schedule, date]) -> None:
    schedule, middle = drawn
    start = datetime.combine(middle - DAY, time(5, 7), UTC)
    end = start + timedelta(hours=50)
    recurrence = recurrence_of(schedule)
    coming = [at for at in islice(recurrence.after(start), 500) if at <= end]
    assert coming == list(walked(schedule, start, end))


@settings(max_examples=60, deadline=None)
@given(schedules(), st.integers(-90, 90))
def test_the_occurrence_that_is_meant_is_the_nearest(
    drawn: tuple[Schedule, date], minutes: int
) -> None:
    schedule, middle = drawn
    recurrence = recurrence_of(schedule)
    start = datetime.combine(middle - DAY, time(), UTC)
    coming = list(islice(recurrence.after(start), 12))
    for before, at, after in zip(coming, coming[1:], coming[2:], strict=False):
        off = timedelta(minutes=minutes)
        nearer = min(at - before, after - at) / 2
        if abs(off) < nearer:
            assert recurrence.near(at + off) == at
    assert all(recurrence.near(at) == at for at in coming)


def test_where_none_is_near_an_instant_means_itself() -> None:
    weekly = Schedule.model_validate({"cron": "0 9 * * MON"})
    by_hand = datetime(2026, 11, 25, 14, 3, tzinfo=UTC)
    assert recurrence_of(weekly).near(by_hand) == by_hand


@pytest.mark.parametrize(
    ("given_schedule", "expected"),
    [
        (
            {"calendar": [{"daysOfWeek": ["mon", "thu"], "times": ["09:00"]}],
             "timezone": "Europe/Berlin"},
            ["2026-11-23T09:00+01:00", "2026-11-26T09:00+01:00", "2026-11-30T09:00+01:00"],
        ),
        (
            {"calendar": [{"daysOfMonth": [1, -1], "times": ["18:30", "08:00"]}]},
            ["2026-11-30T08:00+00:00", "2026-11-30T18:30+00:00", "2026-12-01T08:00+00:00"],
        ),
        (
            {"calendar": [{"daysOfMonth": [-1], "months": [2], "times": ["08:00"]}]},
            ["2027-02-28T08:00+00:00", "2028-02-29T08:00+00:00", "2029-02-28T08:00+00:00"],
        ),
        (
            {"calendar": [{"daysOfMonth": [1], "months": [3, 5], "times": ["08:00"]}]},
            ["2027-03-01T08:00+00:00", "2027-05-01T08:00+00:00", "2028-03-01T08:00+00:00"],
        ),
        (
            {"calendar": [{"daysOfMonth": [29], "months": [2], "times": ["08:00"]}]},
            ["2028-02-29T08:00+00:00", "2032-02-29T08:00+00:00", "2036-02-29T08:00+00:00"],
        ),
        (
            {"calendar": [{"daysOfWeek": ["mon"], "daysOfMonth": [1, 2, 3, 4, 5, 6, 7],
                           "times": ["10:00"]}]},
            ["2026-12-07T10:00+00:00", "2027-01-04T10:00+00:00", "2027-02-01T10:00+00:00"],
        ),
        (
            {"calendar": [{"times": ["10:00"]}], "from": "2027-05-31", "except": ["2027-06-01"]},
            ["2027-05-31T10:00+00:00", "2027-06-02T10:00+00:00", "2027-06-03T10:00+00:00"],
        ),
        (
            {"calendar": [{"daysOfMonth": [24], "times": ["10:00"]}],
             "except": [{"months": [12]}], "until": "2027-01-31"},
            ["2026-11-24T10:00+00:00", "2027-01-24T10:00+00:00"],
        ),
        (  # the first Sunday of summer time, and a plain one
            {"cron": "30 2 * * SUN", "timezone": "Europe/Berlin", "from": "2027-03-28"},
            ["2027-03-28T03:00+02:00", "2027-04-04T02:30+02:00", "2027-04-11T02:30+02:00"],
        ),
        (  # half past two happens twice
            {"cron": "30 2 * * *", "timezone": "Europe/Berlin", "from": "2027-10-31"},
            ["2027-10-31T02:30+02:00", "2027-11-01T02:30+01:00", "2027-11-02T02:30+01:00"],
        ),
        (  # cron means either day
            {"cron": "0 9 13 * FRI"},
            ["2026-11-27T09:00+00:00", "2026-12-04T09:00+00:00", "2026-12-11T09:00+00:00",
             "2026-12-13T09:00+00:00"],
        ),
        (
            {"cron": "0 9 L * *"},
            ["2026-11-30T09:00+00:00", "2026-12-31T09:00+00:00", "2027-01-31T09:00+00:00"],
        ),
        (
            {"localTime": "09:00", "calendar": [{"daysOfWeek": ["mon"]}],
             "timezone": "Europe/Berlin"},
            ["2026-11-23T09:00+14:00", "2026-11-30T09:00+14:00", "2026-12-07T09:00+14:00"],
        ),
    ],
)  # fmt: skip
def test_the_next_ones(given_schedule: dict[str, Any], expected: list[str]) -> None:
    assert found(given_schedule, max(3, len(expected))) == expected


@pytest.mark.parametrize(
    "given_schedule",
    [
        {"at": "2030-01-01T00:00:00Z"},
        {"localTime": "09:00", "date": "2030-01-01"},
        {"cron": "0 9 31 2 *"},
        {"cron": "0 9 * * *", "until": "2020-01-01"},
        {"calendar": [{"daysOfMonth": [1], "times": ["09:00"]}], "except": [{"daysOfMonth": [1]}]},
    ],
)
def test_what_does_not_occur_again(given_schedule: dict[str, Any]) -> None:
    assert found(given_schedule) == []


@pytest.mark.parametrize("line", ["0 9 LW * *", "0 9 * * 5L", "0 9 * * 5#2", "0 99 * * *"])
def test_cron_lines_that_are_refused(line: str) -> None:
    with pytest.raises(CronProblem):
        recurrence_of(Schedule(cron=line))


@settings(max_examples=60, deadline=None)
@given(schedules())
def test_no_two_are_too_close_unless_it_is_said(drawn: tuple[Schedule, date]) -> None:
    schedule, middle = drawn
    recurrence = recurrence_of(schedule)
    days = [middle + number * DAY for number in range(-3, 30)]
    walls = [datetime.combine(day, at) for day in days for at in recurrence.times_on(day)]
    close = any(later - earlier < LEAST_APART for earlier, later in pairwise(walls))
    assert recurrence.is_too_frequent(days[0]) or not close


@pytest.mark.parametrize(
    ("given_schedule", "too_frequent"),
    [
        ({"cron": "* * * * *"}, True),
        ({"cron": "*/9 * * * *"}, True),
        ({"cron": "*/10 * * * *"}, False),
        ({"calendar": [{"times": ["09:00", "09:09"]}]}, True),
        ({"calendar": [{"times": ["00:05", "23:56"]}]}, True),
        ({"calendar": [{"times": ["09:00", "09:10"]}]}, False),
        (  # each on days of its own
            {"calendar": [{"daysOfWeek": ["mon"], "times": ["09:00"]},
                          {"daysOfWeek": ["tue"], "times": ["09:05"]}]},
            False,
        ),
        (  # until the 30th of November is a Monday
            {"calendar": [{"daysOfWeek": ["mon"], "times": ["09:00"]},
                          {"daysOfMonth": [30], "months": [11], "times": ["09:05"]}]},
            True,
        ),
    ],
)  # fmt: skip
def test_at_most_one_in_ten_minutes(given_schedule: dict[str, Any], too_frequent: bool) -> None:
    recurrence = recurrence_of(Schedule.model_validate(given_schedule))
    assert recurrence.is_too_frequent(NOW.date()) is too_frequent


@pytest.mark.parametrize("zone", ["Europe/Berlin", "America/New_York", "Australia/Sydney"])
def test_the_gaps_ahead(zone: str) -> None:
    nightly = recurrence_of(Schedule(cron="30 2 * * *", timezone=zone))
    gaps = list(nightly.after_gaps(date(2027, 1, 1), 365))
    assert gaps == [first_instant(CHANGES[zone][0], time(2, 30), nightly.zone)]
    by_day = recurrence_of(Schedule(cron="30 12 * * *", timezone=zone))
    assert list(by_day.after_gaps(date(2027, 1, 1), 365)) == []


@given(st.dates(date(2026, 1, 1), date(2098, 1, 1)), st.times(), st.sampled_from(sorted(CHANGES)))
def test_an_occurrence_at_a_local_time_is_its_date_in_the_first_zone(
    day: date, at: time, zone: str
) -> None:
    at = at.replace(second=0, microsecond=0, fold=0)
    weekday = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")[day.weekday()]
    schedule = Schedule.model_validate(
        {"localTime": at, "calendar": [{"daysOfWeek": [weekday]}], "timezone": zone}
    )
    begins = first_instant(day, at, FIRST_ZONE)
    assert next(recurrence_of(schedule).after(begins - timedelta(minutes=1))) == begins
    single = occurrence_schedule(schedule, begins)
    assert single == Schedule(local_time=at, date=day, timezone=zone)
