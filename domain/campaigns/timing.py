"""When a schedule begins and ends, whatever zones its recipients live in."""

from datetime import UTC, datetime, time, timedelta
from typing import Final

from domain.campaigns.shapes import Schedule
from domain.rules.local_time import DAY, first_instant, zone_of

EARLIEST_ZONE: Final = timedelta(hours=14)
"""How far the first zone is ahead of UTC."""
LATEST_ZONE: Final = timedelta(hours=12)
"""How far the last one is behind."""
CATCH_UP: Final = timedelta(hours=1)
"""An occurrence that was missed, nobody being there, is made up for this long."""


def starts_at(schedule: Schedule) -> datetime | None:
    """When the first of it is due; None for a recurring one, which a schedule keeps."""
    if schedule.at is not None:
        return schedule.at
    if schedule.local_time is None or schedule.date is None:
        return None
    return datetime.combine(schedule.date, schedule.local_time, UTC) - EARLIEST_ZONE


def ends_at(schedule: Schedule) -> datetime | None:
    """When the last of it is due; of a recurring one, when its last date is over, if it has one."""
    if schedule.at is not None:
        return schedule.at
    last = schedule.until or schedule.date
    if last is None:
        return None
    if schedule.local_time is not None:
        return datetime.combine(last, schedule.local_time, UTC) + LATEST_ZONE
    return first_instant(last + DAY, time(), zone_of(schedule.timezone or "UTC"))


def is_over(schedule: Schedule, now: datetime) -> bool:
    """Whether a recurring one occurs no more, nor is anything of it made up for."""
    ends = over_at(schedule)
    return ends is not None and ends <= now


def over_at(schedule: Schedule) -> datetime | None:
    ends = ends_at(schedule)
    return None if ends is None else ends + CATCH_UP


def recurs(schedule: Schedule | None) -> bool:
    return schedule is not None and (schedule.cron is not None or schedule.calendar is not None)


def catch_up(schedule: Schedule) -> timedelta:
    """How long an occurrence that was missed is made up for. At a local time, as long as it is
    not yet that time in UTC: half of the earth would still be right."""
    return CATCH_UP if schedule.local_time is None else CATCH_UP + EARLIEST_ZONE
