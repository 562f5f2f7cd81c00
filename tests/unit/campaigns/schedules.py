"""Schedules that recur, made up by hypothesis, and a slow reading of what they say."""

from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from cronsim import CronSim
from hypothesis import strategies as st

from domain.campaigns.calendars import CalendarDays
from domain.campaigns.shapes import Schedule

DAY: Final = timedelta(days=1)
MINUTE: Final = timedelta(minutes=1)
WEEKDAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
CHANGES: Final = {
    "Europe/Berlin": (date(2027, 3, 28), date(2027, 10, 31)),
    "America/New_York": (date(2027, 3, 14), date(2027, 11, 7)),
    "America/Havana": (date(2027, 3, 14), date(2027, 11, 7)),  # its gap is at midnight
    "Australia/Sydney": (date(2027, 10, 3), date(2027, 4, 4)),
    "Africa/Casablanca": (date(2027, 3, 14), date(2027, 2, 7)),
    "Asia/Kathmandu": (date(2027, 3, 28),),
    "UTC": (date(2028, 2, 29),),
}
"""Days on which clocks change there, or that are worth a look."""


def some(values: Any, most: int = 4) -> st.SearchStrategy[list[Any]]:
    return st.lists(values, min_size=1, max_size=most, unique=True)


days_of_week = some(st.sampled_from(WEEKDAYS))
days_of_month = some(st.sampled_from([*range(1, 29), -1]), 8)
days = st.fixed_dictionaries(
    {}, optional={"daysOfWeek": days_of_week, "daysOfMonth": days_of_month}
)
early_times = st.builds("{:02}:{:02}".format, st.integers(0, 4), st.sampled_from([0, 15, 30, 59]))
times = some(st.one_of(early_times, st.sampled_from(["12:00", "23:45"])), 3)
entries = st.builds(lambda named, at: named | {"times": at}, days, times)
field = st.sampled_from
crons = st.builds(
    "{} {} {} * {}".format,
    field(["0", "*/30", "15,45"]), field(["2", "0-3", "*", "1,23"]),
    field(["*", "1-15", "*/3", "13", "L"]), field(["*", "MON", "0,6", "7", "2-4"]),
)  # fmt: skip


@st.composite
def schedules(draw: st.DrawFn) -> tuple[Schedule, date]:
    """With a day near which to look."""
    zone = draw(st.sampled_from(sorted(CHANGES)))
    middle = draw(st.sampled_from(CHANGES[zone]))
    given: dict[str, Any] = {"timezone": zone}
    if draw(st.booleans()):
        given["cron"] = draw(crons)
    else:
        given["calendar"] = draw(st.lists(entries, min_size=1, max_size=3))
    near = st.dates(middle - 3 * DAY, middle + 3 * DAY)
    if draw(st.booleans()):
        given["from"] = draw(near)
    if draw(st.booleans()):
        given["until"] = max(draw(near), given.get("from", date.min))
    off = st.one_of(near, days.filter(bool))
    given["except"] = draw(st.lists(off, max_size=2))
    return Schedule.model_validate(given), middle


def says(schedule: Schedule, day: date, at: time) -> bool:
    """Whether the schedule names this time of this date, read word by word."""
    if (schedule.since and day < schedule.since) or (schedule.until and day > schedule.until):
        return False
    if any(off == day or (isinstance(off, CalendarDays) and names(off, day))
           for off in schedule.without):  # fmt: skip
        return False
    if schedule.cron is not None:
        just_before = datetime.combine(day, at) - MINUTE
        return next(CronSim(schedule.cron, just_before)) == datetime.combine(day, at)
    return any(names(entry, day) and at in entry.times for entry in schedule.calendar or ())


def names(days: CalendarDays, day: date) -> bool:
    last = (day + DAY).month != day.month
    return (
        (days.days_of_week is None or WEEKDAYS[day.weekday()] in days.days_of_week)
        and (days.months is None or day.month in days.months)
        and (
            days.days_of_month is None
            or day.day in days.days_of_month
            or (last and -1 in days.days_of_month)
        )
    )


def walked(schedule: Schedule, start: datetime, end: datetime) -> Iterator[datetime]:
    """The occurrences in (start, end], by looking at the clock every minute."""
    zone = ZoneInfo(schedule.timezone or "UTC")
    seen = start.astimezone(zone).replace(tzinfo=None)
    now = start
    while now < end:
        now += MINUTE
        shown = now.astimezone(zone).replace(tzinfo=None)
        passed = []  # all times the clock came past; none when it was put back
        while seen < shown:
            seen += MINUTE
            passed.append(seen)
        if any(says(schedule, wall.date(), wall.time()) for wall in passed):
            yield now
