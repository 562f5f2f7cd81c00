"""Quiet hours against an independent reading of the wall clock, in every zone and season."""

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

from hypothesis import assume, example, given
from hypothesis import strategies as st

from domain.enums import Channel, GateOutcome, Weekday
from domain.preferences import QuietHours
from domain.rules.local_time import WEEKDAYS
from domain.rules.quiet_hours import decide_quiet_hours, is_always_quiet, quiet_until
from domain.rules.reasons import Reason
from tests.unit.rules.builders import facts, instants, quiet_hours, zones

HOUR = timedelta(hours=1)


def wall_clock_says_quiet(quiet: QuietHours, zone: ZoneInfo, at: datetime) -> bool:
    """The plain reading, from the clock on the wall alone."""
    local = at.astimezone(zone)
    shown = local.time()
    today = WEEKDAYS[local.weekday()] in quiet.days
    yesterday = WEEKDAYS[local.weekday() - 1] in quiet.days
    if quiet.start < quiet.end:
        return today and quiet.start <= shown < quiet.end
    return (today and shown >= quiet.start) or (yesterday and shown < quiet.end)


def clocks_change_near(zone: ZoneInfo, at: datetime) -> bool:
    offsets = {(at + hours * HOUR).astimezone(zone).utcoffset() for hours in range(-30, 31)}
    return len(offsets) > 1


@given(quiet_hours, zones, instants())
def test_nobody_is_disturbed_while_their_clock_shows_a_quiet_time(
    quiet: QuietHours, name: str, at: datetime
) -> None:
    assume(not is_always_quiet(quiet))
    zone = ZoneInfo(name)
    if wall_clock_says_quiet(quiet, zone, at):
        assert quiet_until(quiet, zone, at) is not None


@given(quiet_hours, zones, instants())
def test_quiet_is_what_the_clock_says_when_clocks_do_not_change(
    quiet: QuietHours, name: str, at: datetime
) -> None:
    zone = ZoneInfo(name)
    assume(not is_always_quiet(quiet) and not clocks_change_near(zone, at))
    assert (quiet_until(quiet, zone, at) is not None) == wall_clock_says_quiet(quiet, zone, at)


@given(quiet_hours, zones, instants(), st.floats(0, 1, exclude_max=True))
@example(
    QuietHours(enabled=True, start=time(23, 15), end=time(23, 30)),
    "America/St_Johns",
    datetime(2010, 11, 7, 2, 20, tzinfo=UTC),
    0.5,
)
def test_the_end_is_the_first_instant_without_quiet(
    quiet: QuietHours, name: str, at: datetime, share: float
) -> None:
    assume(not is_always_quiet(quiet))
    zone = ZoneInfo(name)
    until = quiet_until(quiet, zone, at)
    if until is None:
        return
    assert at < until <= at + timedelta(days=8)
    assert quiet_until(quiet, zone, until) is None
    assert not wall_clock_says_quiet(quiet, zone, until)
    between = at + (until - at) * share
    assume(between < until)  # a share next to one is rounded up to the end itself
    assert quiet_until(quiet, zone, between) == until


def test_quiet_that_began_in_the_coming_date_lasts_when_clocks_fall_back_across_midnight() -> None:
    """In St. John's 00:01 on 7 November 2010 became 23:01 on the 6th."""
    zone = ZoneInfo("America/St_Johns")
    quiet = QuietHours(
        enabled=True, start=time(0, 0), end=time(6, 0), days=frozenset({Weekday.SUN})
    )
    shown_again = datetime(2010, 11, 6, 23, 30, fold=1, tzinfo=zone)
    assert quiet_until(quiet, zone, shown_again) == datetime(2010, 11, 7, 9, 30, tzinfo=UTC)


def test_the_named_zone_wins_over_the_users_own() -> None:
    at = datetime(2026, 3, 4, 21, 30, tzinfo=UTC)
    here = facts(prefs={"quiet_hours": {"enabled": True}}, timezone="Europe/Berlin")
    there = facts(
        prefs={"quiet_hours": {"enabled": True, "timezone": "America/New_York"}},
        timezone="Europe/Berlin",
    )
    held = decide_quiet_hours(here, Channel.EMAIL, at)
    assert held.outcome is GateOutcome.DEFER
    assert held.facts == {
        "localTime": "22:30",
        "weekday": "wed",
        "timezone": "Europe/Berlin",
        "start": "22:00",
        "end": "07:00",
        "days": ["mon", "tue", "wed", "thu", "fri", "sat", "sun"],
    }
    assert decide_quiet_hours(there, Channel.EMAIL, at).reason == Reason.OUTSIDE_QUIET_HOURS


def test_websocket_is_quiet_only_where_listed() -> None:
    at = datetime(2026, 3, 4, 23, 0, tzinfo=UTC)
    listed = facts(prefs={"quiet_hours": {"enabled": True, "channels": ["websocket"]}})
    assert decide_quiet_hours(listed, Channel.WEBSOCKET, at).outcome is GateOutcome.DEFER
    assert decide_quiet_hours(listed, Channel.EMAIL, at).reason == Reason.NO_QUIET_HOURS
