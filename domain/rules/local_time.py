"""Wall-clock times as instants, with every gap and fold decided.

A local time that a clock change leaves out is taken as the first instant after the gap. A local
time that happens twice has a first and a last instant, and the caller says which one it means.
All instants are in UTC, so that comparing them never compares wall clocks.
"""

from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from typing import Final
from zoneinfo import ZoneInfo

from domain.enums import Weekday

WEEKDAYS: Final = tuple(Weekday)
_TICK: Final = timedelta(microseconds=1)
HOUR: Final = timedelta(hours=1)
DAY: Final = timedelta(days=1)


@lru_cache(maxsize=1024)
def zone_of(name: str) -> ZoneInfo:
    return ZoneInfo(name)


def weekday_of(day: date) -> Weekday:
    return WEEKDAYS[day.weekday()]


def first_instant(day: date, at: time, zone: ZoneInfo) -> datetime:
    """The first instant at which clocks in `zone` show `at` on `day`."""
    return _instants(day, at, zone)[0]


def last_instant(day: date, at: time, zone: ZoneInfo) -> datetime:
    """The last instant at which clocks in `zone` show `at` on `day`."""
    return _instants(day, at, zone)[1]


@lru_cache(maxsize=65_536)
def _instants(day: date, at: time, zone: ZoneInfo) -> tuple[datetime, datetime]:
    wall = datetime.combine(day, at, zone)
    first = wall.astimezone(UTC)
    last = wall.replace(fold=1).astimezone(UTC)
    if first <= last:
        return first, last
    change = _change_between(last, first, zone)
    return change, change


def _change_between(before: datetime, after: datetime, zone: ZoneInfo) -> datetime:
    """The instant of the one clock change in (before, after]."""
    offset = before.astimezone(zone).utcoffset()
    while after - before > _TICK:
        middle = before + (after - before) // 2
        if middle.astimezone(zone).utcoffset() == offset:
            before = middle
        else:
            after = middle
    return after


def full_hour_before(instant: datetime, zone: ZoneInfo) -> datetime:
    """The last instant, not after `instant`, at which clocks in `zone` show a full hour."""
    instant = instant.astimezone(UTC)
    while past := _past_full_hour(instant, zone):
        instant -= past
    return instant


def full_hour_after(instant: datetime, zone: ZoneInfo) -> datetime:
    """The first instant after `instant` at which clocks in `zone` show a full hour."""
    instant = instant.astimezone(UTC) + HOUR - _past_full_hour(instant, zone)
    while past := _past_full_hour(instant, zone):
        instant += HOUR - past
    return instant


def _past_full_hour(instant: datetime, zone: ZoneInfo) -> timedelta:
    local = instant.astimezone(zone)
    return timedelta(minutes=local.minute, seconds=local.second, microseconds=local.microsecond)


def next_daily(after: datetime, at: time, zone: ZoneInfo) -> datetime:
    """The first instant after `after` that is `at` on some day in `zone`."""
    day = after.astimezone(zone).date()
    today = first_instant(day, at, zone)
    return today if today > after else first_instant(day + DAY, at, zone)


def clock(instant: datetime | time) -> str:
    """`HH:MM`, as an instant's own zone shows it."""
    return f"{instant.hour:02}:{instant.minute:02}"
