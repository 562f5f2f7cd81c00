"""When a schedule begins and ends, whatever zones its recipients live in."""

from datetime import UTC, datetime, timedelta
from typing import Final

from domain.campaigns.shapes import Schedule

EARLIEST_ZONE: Final = timedelta(hours=14)
"""How far the first zone is ahead of UTC."""
LATEST_ZONE: Final = timedelta(hours=12)
"""How far the last one is behind."""


def starts_at(schedule: Schedule) -> datetime | None:
    """When the first of it is due; None for a recurring one, which a schedule keeps."""
    if schedule.at is not None:
        return schedule.at
    if schedule.local_time is None or schedule.date is None:
        return None
    return datetime.combine(schedule.date, schedule.local_time, UTC) - EARLIEST_ZONE


def ends_at(schedule: Schedule) -> datetime | None:
    """When the last of it is due; None for a recurring one."""
    first = starts_at(schedule)
    if first is None or schedule.at is not None:
        return first
    return first + EARLIEST_ZONE + LATEST_ZONE


def recurs(schedule: Schedule | None) -> bool:
    return schedule is not None and schedule.cron is not None
