"""A schedule in Temporal's words, matched as Temporal matches it: literally."""

from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, time, timedelta
from itertools import islice, takewhile
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from temporalio.client import ScheduleCalendarSpec, ScheduleRange, ScheduleSpec

from domain.campaigns.recurrence import recurrence_of
from domain.campaigns.shapes import Schedule
from runtime.campaign_schedule import spec_of
from tests.unit.campaigns.schedules import DAY, MINUTE, schedules

AS_OF = datetime(2026, 11, 20, tzinfo=UTC)


def within(value: int, ranges: Sequence[ScheduleRange]) -> bool:
    return any(value in range(one.start, one.end + 1, one.step) for one in ranges)


def matches(one: ScheduleCalendarSpec, shown: datetime) -> bool:
    return (
        within(shown.second, one.second)
        and within(shown.minute, one.minute)
        and within(shown.hour, one.hour)
        and within(shown.day, one.day_of_month)
        and within(shown.month, one.month)
        and within(shown.isoweekday() % 7, one.day_of_week)
        and (not one.year or within(shown.year, one.year))
    )


def fired(spec: ScheduleSpec, start: datetime, end: datetime) -> Iterator[datetime]:
    """In (start, end], looking at full minutes only."""
    zone = ZoneInfo(spec.time_zone_name or "UTC")
    now = start
    while now < end:
        now += MINUTE
        if (spec.start_at and now < spec.start_at) or (spec.end_at and now > spec.end_at):
            continue
        shown = now.astimezone(zone)
        if any(matches(one, shown) for one in spec.calendars) and not any(
            matches(one, shown) for one in spec.skip
        ):
            yield now


@settings(max_examples=60, deadline=None)
@given(schedules())
def test_it_means_each_occurrence_and_nothing_else(drawn: tuple[Schedule, date]) -> None:
    schedule, middle = drawn
    start = datetime.combine(middle - DAY, time(), UTC)
    end = start + 3 * DAY
    recurrence = recurrence_of(schedule)
    occurs = recurrence.after(start - 3 * timedelta(hours=1))
    coming = set(takewhile(lambda at: at <= end, islice(occurs, 500)))
    meant = {recurrence.near(at) for at in fired(spec_of(schedule, AS_OF), start, end)}
    assert meant <= coming
    assert {at for at in coming if at > start} <= meant


def calendars(**given_schedule: Any) -> list[ScheduleCalendarSpec]:
    return list(spec_of(Schedule.model_validate(given_schedule), AS_OF).calendars)


def test_hours_with_the_same_minutes_are_one_calendar() -> None:
    found = calendars(calendar=[{"times": ["09:00", "10:00", "11:00", "17:30"]}])
    [full, half] = sorted(found, key=lambda one: one.minute[0].start)
    assert (half.hour, half.minute) == ((ScheduleRange(17),), (ScheduleRange(30),))
    assert (full.hour, full.minute) == ((ScheduleRange(9, 11),), (ScheduleRange(0),))


def test_the_last_day_is_named_for_each_length_of_months() -> None:
    assert len(calendars(calendar=[{"daysOfMonth": [-1], "times": ["09:00"]}])) == 4
    [june] = calendars(calendar=[{"daysOfMonth": [-1], "months": [6], "times": ["09:00"]}])
    assert (june.month, june.day_of_month) == ((ScheduleRange(6),), (ScheduleRange(30),))


def test_a_local_time_is_kept_in_the_first_zone() -> None:
    weekly = {"localTime": "09:00", "calendar": [{"daysOfWeek": ["sun"]}], "until": "2027-01-31"}
    spec = spec_of(Schedule.model_validate(weekly), AS_OF)
    [sundays] = spec.calendars
    assert spec.time_zone_name == "Etc/GMT-14"
    assert (sundays.day_of_week, sundays.hour) == ((ScheduleRange(0),), (ScheduleRange(9),))
    assert spec.end_at == datetime(2027, 1, 31, 9, 59, 59, tzinfo=UTC)


@pytest.mark.parametrize(("line", "gaps"), [("30 2 * * *", 10), ("30 3 * * *", 0)])
def test_gaps_are_named_for_ten_years(line: str, gaps: int) -> None:
    named = [one for one in calendars(cron=line, timezone="Europe/Berlin") if one.comment]
    assert len(named) == gaps
    assert all((one.hour, one.minute) == ((ScheduleRange(3),), (ScheduleRange(0),))
               for one in named)  # fmt: skip
