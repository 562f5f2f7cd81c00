"""When a campaign that recurs occurs: pure rules over its schedule.

A schedule names dates and times of day in one zone. Each is one instant, the same that a single
send at that date and time would have: the first after a gap, the first of two. For a local time in
each recipient's own zone, an occurrence begins in the first zone of the earth.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from itertools import islice, pairwise
from typing import Final
from zoneinfo import ZoneInfo

from cronsim import CronSim, CronSimError

from domain.campaigns.calendars import LAST_DAY, CalendarDays
from domain.campaigns.shapes import Schedule
from domain.enums import Weekday
from domain.rules.local_time import DAY, WEEKDAYS, first_instant, zone_of

FIRST_ZONE: Final = zone_of("Etc/GMT-14")
"""UTC+14: no clock on earth is ahead of it."""
LEAST_APART: Final = timedelta(minutes=10)
"""Between two occurrences."""
_LAST_DATE: Final = date(2099, 12, 31)
_FAR: Final = 41 * 366 * DAY
"""The 29th of February is the same day of the week again within forty years."""
_NEAR: Final = timedelta(hours=3)
_ALL_MONTHS: Final = frozenset(range(1, 13))
_ALL_DAYS: Final = frozenset(range(1, 32))


class CronProblem(ValueError):
    """Not a cron line, or one that says more than a calendar can."""


@dataclass(frozen=True, slots=True)
class Pattern:
    """The days that all three name, and the times of each."""

    weekdays: frozenset[Weekday]
    days: frozenset[int]
    """Of the month; `LAST_DAY` among them is the last."""
    months: frozenset[int]
    times: frozenset[time] = frozenset()

    def has(self, day: date) -> bool:
        if day.month not in self.months or WEEKDAYS[day.weekday()] not in self.weekdays:
            return False
        return day.day in self.days or (LAST_DAY in self.days and (day + DAY).day == 1)


@dataclass(frozen=True, slots=True)
class Recurrence:
    patterns: tuple[Pattern, ...]
    zone: ZoneInfo
    since: date | None = None
    until: date | None = None
    dates_off: frozenset[date] = frozenset()
    days_off: tuple[Pattern, ...] = ()

    def times_on(self, day: date) -> tuple[time, ...]:
        """In order, each once."""
        if (self.since and day < self.since) or (self.until and day > self.until):
            return ()
        named = [pattern for pattern in self.patterns if pattern.has(day)]
        if not named or day in self.dates_off or any(off.has(day) for off in self.days_off):
            return ()
        return tuple(sorted(frozenset[time]().union(*(pattern.times for pattern in named))))

    def after(self, instant: datetime) -> Iterator[datetime]:
        """The instants after this one, in UTC, as far as somebody asks: at most decades."""
        latest = instant
        # The gap of a clock change may end on the next date.
        for day in self._days(instant.astimezone(self.zone).date() - DAY):
            for at in self.times_on(day):
                found = first_instant(day, at, self.zone)
                if found > latest:
                    latest = found
                    yield found

    def near(self, at: datetime) -> datetime:
        """The occurrence that is meant by a clock that follows other rules around a change of
        zones, or by an older database of them; where there is none, the instant itself."""
        today = at.astimezone(self.zone).date()
        found = [
            first_instant(day, one, self.zone)
            for day in (today - DAY, today, today + DAY)
            for one in self.times_on(day)
        ]
        nearest = min(found, key=lambda one: abs(one - at), default=at)
        return nearest if abs(nearest - at) <= _NEAR else at.astimezone(UTC)

    def after_gaps(self, since: date, days: int) -> Iterator[datetime]:
        """Of so many days, the occurrences whose time is left out by a clock change."""
        for day in (since + number * DAY for number in range(days)):
            midnights = [datetime.combine(one, time(), self.zone) for one in (day, day + DAY)]
            if midnights[0].utcoffset() == midnights[1].utcoffset():
                continue
            for at in self.times_on(day):
                found = first_instant(day, at, self.zone)
                if found.astimezone(self.zone).replace(tzinfo=None) != datetime.combine(day, at):
                    yield found

    def is_too_frequent(self, since: date) -> bool:
        """Whether two are less than `LEAST_APART` apart by the clock, within a year of the first
        day; then days come again."""
        before = datetime.combine(date.min, time())
        for day in islice(self._days(since), 367):
            walls = [before, *(datetime.combine(day, at) for at in self.times_on(day))]
            if any(later - earlier < LEAST_APART for earlier, later in pairwise(walls)):
                return True
            before = walls[-1]
        return False

    def _days(self, since: date) -> Iterator[date]:
        """Those in months that matter."""
        day = max(since, self.since or since)
        months = frozenset[int]().union(*(pattern.months for pattern in self.patterns))
        end = min(day + _FAR, self.until or _LAST_DATE, _LAST_DATE)
        while day <= end:
            if day.month in months:
                yield day
                day += DAY
            else:
                day = (day.replace(day=1) + 31 * DAY).replace(day=1)


def recurrence_of(schedule: Schedule) -> Recurrence:
    """Of one that recurs. Raises `CronProblem`."""
    own_zones = schedule.local_time is not None
    off = schedule.without
    return Recurrence(
        patterns=_patterns(schedule),
        zone=FIRST_ZONE if own_zones else zone_of(schedule.timezone or "UTC"),
        since=schedule.since,
        until=schedule.until,
        dates_off=frozenset(one for one in off if not isinstance(one, CalendarDays)),
        days_off=tuple(_pattern(one) for one in off if isinstance(one, CalendarDays)),
    )


def next_occurrences(schedule: Schedule, now: datetime, count: int) -> tuple[datetime, ...]:
    """The first ones after `now`, as clocks in the schedule's zone show them; at a local time, as
    they begin in the first zone. None of a schedule that does not recur."""
    if schedule.cron is None and schedule.calendar is None:
        return ()
    try:
        recurrence = recurrence_of(schedule)
    except CronProblem:
        return ()
    return tuple(one.astimezone(recurrence.zone) for one in islice(recurrence.after(now), count))


def occurrence_schedule(schedule: Schedule, at: datetime) -> Schedule | None:
    """What the occurrence that begins `at` is sent by; None for all at once."""
    if schedule.local_time is None:
        return None
    return Schedule(
        local_time=schedule.local_time,
        date=at.astimezone(FIRST_ZONE).date(),
        timezone=schedule.timezone,
    )


def _patterns(schedule: Schedule) -> tuple[Pattern, ...]:
    if schedule.cron is not None:
        return _cron_patterns(schedule.cron)
    local = frozenset({schedule.local_time} if schedule.local_time is not None else ())
    return tuple(
        _pattern(entry, local or frozenset(entry.times)) for entry in schedule.calendar or ()
    )


def _pattern(days: CalendarDays, times: frozenset[time] = frozenset()) -> Pattern:
    return Pattern(
        weekdays=frozenset(days.days_of_week or WEEKDAYS),
        days=frozenset(days.days_of_month or _ALL_DAYS),
        months=frozenset(days.months or _ALL_MONTHS),
        times=times,
    )


def _cron_patterns(line: str) -> tuple[Pattern, ...]:
    """Two where the day of the month and that of the week are both given: cron means either."""
    try:
        cron = CronSim(line, datetime(2000, 1, 1, tzinfo=UTC))
    except CronSimError as error:
        raise CronProblem(f"Not a cron line: {error}.") from error
    days = frozenset(LAST_DAY if day == CronSim.LAST else day for day in cron.days)
    if min(days) < LAST_DAY or any(isinstance(day, tuple) for day in cron.weekdays):
        raise CronProblem("LW, 5L and 5#2 are not known here: give a calendar.")
    weekdays = frozenset(WEEKDAYS[(day - 1) % 7] for day in cron.weekdays if isinstance(day, int))
    months = frozenset(cron.months)
    times = frozenset(time(hour, minute) for hour in cron.hours for minute in cron.minutes)
    if cron.day_and:
        return (Pattern(weekdays, days, months, times),)
    return (
        Pattern(frozenset(WEEKDAYS), days, months, times),
        Pattern(weekdays, _ALL_DAYS, months, times),
    )
