"""Gaps and folds of real zones, and what holds in every zone."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given

from domain.rules.local_time import (
    first_instant,
    full_hour_after,
    full_hour_before,
    last_instant,
    next_daily,
)
from tests.unit.rules.builders import instants, wall_times, zones

GAPS = [
    ("Europe/Berlin", date(2026, 3, 29), time(2, 30), "2026-03-29T01:00Z"),
    ("America/New_York", date(2026, 3, 8), time(2, 0), "2026-03-08T07:00Z"),
    ("Australia/Lord_Howe", date(2026, 10, 4), time(2, 15), "2026-10-03T15:30Z"),
    ("America/Sao_Paulo", date(2018, 11, 4), time(0, 30), "2018-11-04T03:00Z"),
    ("Asia/Tehran", date(2022, 3, 22), time(0, 15), "2022-03-21T20:30Z"),
    ("Pacific/Apia", date(2011, 12, 30), time(12, 0), "2011-12-30T10:00Z"),
]
FOLDS = [
    ("Europe/Berlin", date(2026, 10, 25), time(2, 30), "2026-10-25T00:30Z", 60),
    ("America/New_York", date(2026, 11, 1), time(1, 30), "2026-11-01T05:30Z", 60),
    ("Australia/Lord_Howe", date(2026, 4, 5), time(1, 45), "2026-04-04T14:45Z", 30),
    ("America/Sao_Paulo", date(2019, 2, 16), time(23, 30), "2019-02-17T01:30Z", 60),
    ("Asia/Tehran", date(2022, 9, 21), time(23, 30), "2022-09-21T19:00Z", 60),
]


def _utc(text: str) -> datetime:
    return datetime.fromisoformat(text)


@pytest.mark.parametrize(("zone", "day", "at", "expected"), GAPS)
def test_a_time_in_a_gap_is_the_first_instant_after_it(
    zone: str, day: date, at: time, expected: str
) -> None:
    assert first_instant(day, at, ZoneInfo(zone)) == _utc(expected)
    assert last_instant(day, at, ZoneInfo(zone)) == _utc(expected)


@pytest.mark.parametrize(("zone", "day", "at", "first", "minutes"), FOLDS)
def test_a_time_that_happens_twice_has_a_first_and_a_last_instant(
    zone: str, day: date, at: time, first: str, minutes: int
) -> None:
    assert first_instant(day, at, ZoneInfo(zone)) == _utc(first)
    assert last_instant(day, at, ZoneInfo(zone)) == _utc(first) + timedelta(minutes=minutes)


@given(instants(), wall_times, zones)
def test_an_instant_shows_the_time_asked_for_unless_clocks_skip_it(
    near: datetime, at: time, name: str
) -> None:
    zone = ZoneInfo(name)
    day = near.astimezone(zone).date()
    first, last = first_instant(day, at, zone), last_instant(day, at, zone)
    assert first <= last
    shown = first.astimezone(zone)
    if (shown.date(), shown.time()) != (day, at):
        assert (shown.replace(tzinfo=None)) > datetime.combine(day, at)
        just_before = (first - timedelta(microseconds=1)).astimezone(zone)
        assert just_before.replace(tzinfo=None) < datetime.combine(day, at)
        assert just_before.utcoffset() != shown.utcoffset()


@given(instants(), zones)
def test_full_hours_enclose_every_instant_and_meet(at: datetime, name: str) -> None:
    zone = ZoneInfo(name)
    before, after = full_hour_before(at, zone), full_hour_after(at, zone)
    assert before <= at < after
    assert before.astimezone(zone).minute == after.astimezone(zone).minute == 0
    assert full_hour_after(before, zone) == after
    assert full_hour_before(after - timedelta(seconds=1), zone) == before
    assert after - before <= timedelta(hours=2, minutes=30)


def test_full_hours_where_clocks_move_by_half_an_hour() -> None:
    lord_howe = ZoneInfo("Australia/Lord_Howe")
    gap = datetime(2026, 10, 3, 15, 30, tzinfo=UTC)
    assert full_hour_after(gap - timedelta(minutes=15), lord_howe) == gap + timedelta(minutes=30)
    assert full_hour_before(gap + timedelta(minutes=10), lord_howe) == gap - timedelta(hours=1)


@given(instants(), wall_times, zones)
def test_the_next_daily_time_comes_within_two_days(after: datetime, at: time, name: str) -> None:
    following = next_daily(after, at, ZoneInfo(name))
    assert after < following <= after + timedelta(hours=49)
