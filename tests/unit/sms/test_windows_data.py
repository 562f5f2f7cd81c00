"""Every entry of the sending hours: sound, sourced, and open again soon on any day of any year."""

from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from pydantic import ValidationError

from domain.countries import COUNTRIES
from domain.data import load
from domain.rules.sms_windows import (
    SMS_WINDOWS,
    WindowFile,
    easter_sunday,
    holidays_of,
    next_sending_time,
    sms_window,
    window_data,
)

HOUR = timedelta(hours=1)


def test_every_entry_is_sound_and_says_where_it_is_from() -> None:
    data = window_data()
    assert set(data.countries) == set(SMS_WINDOWS) <= COUNTRIES
    for entry in (*data.countries.values(), *data.holidays.values()):
        assert entry.rule
        assert entry.source.startswith("https://")
        assert date(2020, 1, 1) < entry.as_of < date(2100, 1, 1)
    for entry in data.countries.values():
        assert entry.opens < entry.closes
        assert entry.days
        assert entry.holidays is None or entry.holidays in data.holidays
        for zone in (*entry.zones, *entry.further_zones):
            assert ZoneInfo(zone).key == zone
        assert not set(entry.zones) & set(entry.further_zones)


def test_where_the_home_is_not_known_a_further_zone_is_no_exception() -> None:
    """When all of a country's `zones` are open, so is each of its `further_zones`."""
    for entry in window_data().countries.values():
        for day in range(0, 800, 7):
            at = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(days=day)
            clocks = [at.astimezone(ZoneInfo(zone)).replace(tzinfo=None) for zone in entry.zones]
            for zone in entry.further_zones:
                theirs = at.astimezone(ZoneInfo(zone)).replace(tzinfo=None)
                assert min(clocks) <= theirs <= max(clocks)


@pytest.mark.parametrize("country", sorted(SMS_WINDOWS))
@pytest.mark.parametrize("year", [2024, 2027])
def test_a_whole_year_has_no_dead_end(country: str, year: int) -> None:
    window = SMS_WINDOWS[country]
    at = datetime(year, 1, 1, tzinfo=UTC)
    while at.year == year:
        opens_at = window.next_open(at, window.zones)
        assert at <= opens_at < at + timedelta(days=5)
        for name in window.zones:
            local = opens_at.astimezone(ZoneInfo(name))
            assert window.opens <= local.time() < window.closes
            assert local.date() not in window.holidays(local.year)
        at += 6 * HOUR


def test_a_country_is_looked_up_whatever_its_case() -> None:
    assert sms_window("fr") is SMS_WINDOWS["FR"]
    assert sms_window("DE") is None
    assert sms_window(None) is None


def test_the_next_sending_time() -> None:
    night = datetime(2026, 3, 4, 22, 30, tzinfo=UTC)
    assert next_sending_time("DE", night, "UTC") == night
    assert next_sending_time("IN", night, "UTC") == datetime(2026, 3, 5, 3, 30, tzinfo=UTC)
    assert next_sending_time("FR", night, "UTC") == datetime(2026, 3, 5, 7, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("year", "sunday"),
    [(1818, (3, 22)), (1943, (4, 25)), (2000, (4, 23)), (2026, (4, 5)), (2285, (3, 22))],
)
def test_easter(year: int, sunday: tuple[int, int]) -> None:
    assert easter_sunday(year) == date(year, *sunday)


def test_an_unknown_calendar_is_a_mistake() -> None:
    with pytest.raises(KeyError):
        holidays_of("XX", 2026)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("zones", ["Europe/Nowhere"]),
        ("zones", []),
        ("days", ["someday"]),
        ("opens", "25:00"),
        ("source", "hearsay"),
        ("asOf", "lately"),
        ("colour", "red"),
    ],
)
def test_an_entry_with_a_mistake_is_refused(field: str, value: Any) -> None:
    data = load("sms_windows")
    data["countries"]["FR"][field] = value
    with pytest.raises(ValidationError):
        WindowFile.model_validate(data)


def test_a_holiday_that_no_calendar_has_is_refused() -> None:
    data = load("sms_windows")
    data["holidays"]["FR"]["fixed"] = ["02-30"]
    with pytest.raises(ValidationError):
        WindowFile.model_validate(data)
    data["holidays"]["FR"]["fixed"] = ["02-29"]
    leaps = WindowFile.model_validate(data).holidays["FR"]
    assert date(2028, 2, 29) in leaps.of(2028)
    assert len(leaps.of(2027)) == len(leaps.easter)
