"""May the user be disturbed at this time?

A span starts on the days that are named and ends on the same day, or on the next when `end` is not
later than `start`; equal times are a whole day. When clocks change:

- a start or end that the change leaves out counts as the first instant after the gap;
- a start that happens twice is its first instant, an end that happens twice is its last: the quiet
  lasts longer rather than waking someone early.

Spans that touch or overlap are one: the answer is the end of the last of them.
"""

from datetime import date, datetime, time
from functools import cache, lru_cache
from zoneinfo import ZoneInfo

from domain.enums import Channel, Weekday
from domain.facts import PlanFacts
from domain.plan_types import Decision
from domain.preferences import QuietHours
from domain.rules.decisions import allow, allow_with, bypass, defer, skip
from domain.rules.local_time import DAY, clock, first_instant, last_instant, weekday_of, zone_of
from domain.rules.reasons import Reason


def decide_quiet_hours(facts: PlanFacts, channel: Channel, at: datetime) -> Decision:
    """Defers to the end of the quiet hours; skips where they never end."""
    quiet = facts.preferences.quiet_hours
    if not quiet.enabled or channel not in quiet.channels:
        return allow(Reason.NO_QUIET_HOURS)
    passed = bypass(facts.notification)
    if passed:
        return passed
    zone_name = quiet.timezone or facts.timezone
    zone = zone_of(zone_name)
    local = at.astimezone(zone)
    read = {
        "localTime": clock(local),
        "weekday": weekday_of(local).value,
        "timezone": zone_name,
        "start": clock(quiet.start),
        "end": clock(quiet.end),
    }
    if is_always_quiet(quiet):
        return skip(Reason.ALWAYS_QUIET, read)
    until = quiet_until(quiet, zone, at)
    if until is None:
        return allow_with(Reason.OUTSIDE_QUIET_HOURS, read)
    return defer(Reason.QUIET_HOURS, until, {**read, "days": _in_order(quiet.days)})


def is_always_quiet(quiet: QuietHours) -> bool:
    """True when whole days follow each other without end."""
    return quiet.start == quiet.end and len(quiet.days) == len(Weekday)


def quiet_until(quiet: QuietHours, zone: ZoneInfo, at: datetime) -> datetime | None:
    """The instant (UTC) at which the quiet that reigns at `at` ends; None when none reigns.

    Only for quiet hours that are not always quiet.
    """
    until: datetime | None = None
    while ends := _ends_of_spans_at(quiet, zone, until or at):
        until = max(ends)
    return until


def _ends_of_spans_at(quiet: QuietHours, zone: ZoneInfo, at: datetime) -> list[datetime]:
    today = at.astimezone(zone).date()
    spans = _spans_near(today, quiet.days, quiet.start, quiet.end, zone)
    return [ends_at for starts_at, ends_at in spans if starts_at <= at < ends_at]


@lru_cache(maxsize=16_384)
def _spans_near(
    today: date, days: frozenset[Weekday], start: time, end: time, zone: ZoneInfo
) -> list[tuple[datetime, datetime]]:
    # Tomorrow's span may have begun: clocks set back across midnight show yesterday's date again.
    near = (today - DAY, today, today + DAY)
    return [span_of(day, start, end, zone) for day in near if weekday_of(day) in days]


def span_of(day: date, start: time, end: time, zone: ZoneInfo) -> tuple[datetime, datetime]:
    """The span that starts on `day`, as instants: the first included, the second excluded."""
    last_day = day if start < end else day + DAY
    return first_instant(day, start, zone), last_instant(last_day, end, zone)


@cache
def _in_order(days: frozenset[Weekday]) -> list[str]:
    return [day.value for day in Weekday if day in days]
