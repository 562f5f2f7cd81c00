"""A campaign's schedule in Temporal's words.

Temporal matches the clock of a zone literally: a time that a clock change leaves out is passed
over, one that happens twice is met twice. The former are named one by one, ahead of time; which
occurrence is meant by the latter is for whoever makes it (`Recurrence.near`).
"""

import calendar
from collections import defaultdict
from collections.abc import Iterable, Iterator
from datetime import date, datetime, time, timedelta
from typing import Final, NamedTuple

from temporalio.client import ScheduleCalendarSpec, ScheduleRange, ScheduleSpec

from domain.campaigns.calendars import LAST_DAY
from domain.campaigns.recurrence import Pattern, Recurrence, recurrence_of
from domain.campaigns.shapes import Schedule
from domain.enums import Weekday
from domain.rules.local_time import WEEKDAYS, first_instant

GAPS_AHEAD: Final = timedelta(days=3660)
"""How far clock changes are looked ahead for; each change of the campaign looks again."""
_END_OF_DAY: Final = time(23, 59, 59)
_MONTHS_OF: Final = {30: frozenset({4, 6, 9, 11}), 31: frozenset({1, 3, 5, 7, 8, 10, 12})}
_YEARS: Final = range(2000, 2100)
_FEBRUARY: Final = frozenset({2})
Ranges = tuple[ScheduleRange, ...]


class Times(NamedTuple):
    hour: Ranges
    minute: Ranges
    second: Ranges = (ScheduleRange(0),)


_WHOLE_DAY: Final = Times((ScheduleRange(0, 23),), (ScheduleRange(0, 59),), (ScheduleRange(0, 59),))


def spec_of(schedule: Schedule, as_of: datetime) -> ScheduleSpec:
    """Of one that recurs, with the gaps to come after `as_of`. Raises `CronProblem`."""
    recurrence = recurrence_of(schedule)
    zone, since, until = recurrence.zone, recurrence.since, recurrence.until
    return ScheduleSpec(
        calendars=[
            *(one for pattern in recurrence.patterns for one in _calendars(pattern)),
            *_gaps(recurrence, as_of),
        ],
        skip=[
            *(_date(day) for day in sorted(recurrence.dates_off)),
            *(one for off in recurrence.days_off for one in _days(off, _WHOLE_DAY)),
        ],
        start_at=first_instant(since, time(), zone) if since else None,
        end_at=first_instant(until, _END_OF_DAY, zone) if until else None,
        time_zone_name=zone.key,
    )


def _calendars(pattern: Pattern) -> Iterator[ScheduleCalendarSpec]:
    """Hours that have the same minutes go together."""
    minutes: dict[int, set[int]] = defaultdict(set)
    for at in pattern.times:
        minutes[at.hour].add(at.minute)
    hours: dict[frozenset[int], set[int]] = defaultdict(set)
    for hour, found in minutes.items():
        hours[frozenset(found)].add(hour)
    for same, those in hours.items():
        yield from _days(pattern, Times(_ranges(those), _ranges(same)))


def _days(pattern: Pattern, times: Times) -> Iterator[ScheduleCalendarSpec]:
    for months, days, years in _months_and_days(pattern):
        yield ScheduleCalendarSpec(
            day_of_week=_ranges(_number(weekday) for weekday in pattern.weekdays),
            day_of_month=_ranges(days),
            month=_ranges(months),
            year=_ranges(years),
            **times._asdict(),
        )


def _months_and_days(
    pattern: Pattern,
) -> Iterator[tuple[frozenset[int], frozenset[int], frozenset[int]]]:
    """Temporal knows no last day of a month: it is named for each length of months."""
    every_year = frozenset[int]()
    named = pattern.days - {LAST_DAY}
    if named:
        yield pattern.months, named, every_year
    if LAST_DAY not in pattern.days:
        return
    last_days = [
        *((months, length, every_year) for length, months in _MONTHS_OF.items()),
        (_FEBRUARY, 29, every_year),
        (_FEBRUARY, 28, frozenset(year for year in _YEARS if not calendar.isleap(year))),
    ]
    for months, day, years in last_days:
        if pattern.months & months:
            yield pattern.months & months, frozenset({day}), years


def _gaps(recurrence: Recurrence, as_of: datetime) -> Iterator[ScheduleCalendarSpec]:
    start = max(as_of.astimezone(recurrence.zone).date(), recurrence.since or date.min)
    for instant in recurrence.after_gaps(start, GAPS_AHEAD.days):
        shown = instant.astimezone(recurrence.zone)
        times = Times(_ranges([shown.hour]), _ranges([shown.minute]))
        yield _date(shown.date(), times, "after a clock change")


def _date(day: date, times: Times = _WHOLE_DAY, comment: str | None = None) -> ScheduleCalendarSpec:
    return ScheduleCalendarSpec(
        day_of_month=_ranges([day.day]),
        month=_ranges([day.month]),
        year=_ranges([day.year]),
        comment=comment,
        **times._asdict(),
    )


def _number(weekday: Weekday) -> int:
    """Sunday is 0."""
    return (WEEKDAYS.index(weekday) + 1) % 7


def _ranges(values: Iterable[int]) -> Ranges:
    """Neighbours as one."""
    found: list[ScheduleRange] = []
    for value in sorted(values):
        if found and found[-1].end == value - 1:
            found[-1] = ScheduleRange(found[-1].start, value)
        else:
            found.append(ScheduleRange(value))
    return tuple(found)
