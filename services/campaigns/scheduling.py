"""What must be right about a schedule before a campaign is sent by it."""

from datetime import datetime, timedelta
from typing import Final

from domain.campaigns.recurrence import CronProblem, recurrence_of
from domain.campaigns.shapes import Schedule
from domain.campaigns.timing import ends_at, recurs, starts_at
from services.campaigns.checks import refusal

_LATE: Final = timedelta(minutes=1)
"""How far an instant may have passed: a request takes its time."""


def check_recurrence(schedule: Schedule | None, now: datetime) -> None:
    """Of one that recurs, as `begins_at`; any other is right. Raises `Invalid`."""
    if schedule is not None and recurs(schedule):
        begins_at(schedule, now)


def begins_at(schedule: Schedule, now: datetime) -> datetime | None:
    """When it is due first. Raises `Invalid`: `schedule_past`, `cron_invalid`, `schedule_never`,
    `schedule_too_frequent`."""
    last = ends_at(schedule)
    if last is not None and last < now - _LATE:
        name = "at" if schedule.at else "date" if schedule.date else "until"
        raise refusal(f"schedule.{name}", "schedule_past", "That has passed.")
    return _first_of(schedule, now) if recurs(schedule) else starts_at(schedule)


def _first_of(schedule: Schedule, now: datetime) -> datetime:
    field = "schedule.cron" if schedule.cron is not None else "schedule.calendar"
    try:
        recurrence = recurrence_of(schedule)
    except CronProblem as problem:
        raise refusal(field, "cron_invalid", str(problem)) from problem
    first = next(recurrence.after(now), None)
    if first is None:
        raise refusal(field, "schedule_never", "There is no such time to come.")
    if recurrence.is_too_frequent(first.astimezone(recurrence.zone).date()):
        detail = "At most one occurrence in ten minutes."
        raise refusal(field, "schedule_too_frequent", detail)
    return first
