"""SMS goes only while the destination country's window is open."""

from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.enums import Channel, GateOutcome, Priority, Weekday
from domain.facts import Reach
from domain.rules.compliance import decide_compliance
from domain.rules.local_time import WEEKDAYS
from domain.rules.sms_windows import SMS_WINDOWS, french_holidays
from tests.unit.rules.builders import NOW, facts, instants

SMS = Channel.SMS


def _to(country: str | None, at: datetime, timezone: str = "Europe/Paris", **of: Any) -> Any:
    reach = {SMS: Reach(1, destination_country=country)}
    return decide_compliance(facts(reach=reach, timezone=timezone, **of), SMS, at)


def _local(text: str, zone: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)


@pytest.mark.parametrize(
    ("country", "zone", "at", "until"),
    [
        ("FR", "Europe/Paris", "2026-03-04 07:59", "2026-03-04 08:00"),
        ("FR", "Europe/Paris", "2026-03-04 08:00", None),
        ("FR", "Europe/Paris", "2026-03-04 21:59", None),
        ("FR", "Europe/Paris", "2026-03-04 22:00", "2026-03-05 08:00"),
        ("fr", "Europe/Paris", "2026-03-07 22:00", "2026-03-09 08:00"),
        ("FR", "Europe/Paris", "2026-03-08 12:00", "2026-03-09 08:00"),
        ("FR", "Europe/Paris", "2026-07-14 12:00", "2026-07-15 08:00"),
        ("FR", "Europe/Paris", "2026-04-04 23:00", "2026-04-07 08:00"),
        ("FR", "Europe/Paris", "2026-12-24 22:30", "2026-12-26 08:00"),
        ("US", "America/Los_Angeles", "2026-03-04 07:00", "2026-03-04 08:00"),
        ("US", "America/Los_Angeles", "2026-03-04 20:59", None),
        ("US", "America/New_York", "2026-03-07 21:00", "2026-03-08 08:00"),
        ("AE", "Asia/Dubai", "2026-03-04 21:00", "2026-03-05 07:00"),
    ],
)
def test_window(country: str, zone: str, at: str, until: str | None) -> None:
    decision = _to(country, _local(at, zone), zone)
    assert decision.outcome is (GateOutcome.DEFER if until else GateOutcome.ALLOW)
    assert decision.until == (_local(until, zone) if until else None)
    assert decision.facts["source"]


def test_an_unknown_home_needs_every_zone_of_the_country_open() -> None:
    nine_in_new_york = _local("2026-03-04 09:00", "America/New_York")
    decision = _to("US", nine_in_new_york, "Europe/Berlin")
    assert decision.until == _local("2026-03-04 08:00", "Pacific/Honolulu")
    too_late = _local("2026-03-04 21:00", "America/New_York")
    assert _to("US", too_late, "Europe/Berlin").until == _local(
        "2026-03-05 08:00", "Pacific/Honolulu"
    )


@pytest.mark.parametrize("zone", ["America/Detroit", "America/Boise", "America/Adak"])
def test_a_home_in_any_zone_of_the_country_has_its_own_hours(zone: str) -> None:
    morning = _local("2026-07-04 08:00", zone)
    assert _to("US", morning, zone).reason == "sms_window_open"
    assert _to("US", morning - timedelta(minutes=1), zone).until == morning


def test_the_order_of_a_countrys_zones_does_not_matter() -> None:
    window = SMS_WINDOWS["US"]
    at = _local("2026-03-04 22:00", "America/New_York")
    expected = _local("2026-03-05 08:00", "Pacific/Honolulu")
    assert window.next_open(at, window.zones) == expected
    assert window.next_open(at, window.zones[::-1]) == expected


def test_what_has_no_window() -> None:
    night = _local("2026-03-04 23:00", "Europe/Paris")
    assert _to("DE", night).reason == "no_sms_window"
    assert _to(None, night).reason == "no_sms_window"
    assert decide_compliance(facts(reach={}), SMS, night).reason == "no_sms_window"
    assert decide_compliance(facts(), Channel.EMAIL, night).reason == "not_sms"
    assert _to("FR", night, legally_transactional=True).reason == "legally_transactional"


@pytest.mark.parametrize("of", [{"priority": Priority.CRITICAL}, {"send_now": True}])
def test_nothing_ignores_the_law(of: dict[str, Any]) -> None:
    night = _local("2026-03-04 23:00", "Europe/Paris")
    assert _to("FR", night, **of).outcome is GateOutcome.DEFER


@given(st.sampled_from(sorted(SMS_WINDOWS)), instants(), st.booleans())
def test_the_opening_is_soon_and_open_everywhere(country: str, at: datetime, at_home: bool) -> None:
    window = SMS_WINDOWS[country]
    zones = window.zones[:1] if at_home else window.zones
    opens_at = window.next_open(at, zones)
    assert at <= opens_at < at + timedelta(days=5)
    assert window.next_open(opens_at, zones) == opens_at
    for zone in zones:
        local = opens_at.astimezone(ZoneInfo(zone))
        assert window.opens <= local.time() < window.closes
        assert WEEKDAYS[local.weekday()] in window.days
        assert local.date() not in window.holidays(local.year)
    if opens_at > at:
        just_before = opens_at - timedelta(seconds=1)
        assert window.next_open(just_before, zones) == opens_at


@pytest.mark.parametrize(
    ("year", "easter_monday"),
    [
        (2019, date(2019, 4, 22)),
        (2024, date(2024, 4, 1)),
        (2025, date(2025, 4, 21)),
        (2026, date(2026, 4, 6)),
        (2038, date(2038, 4, 26)),
    ],
)
def test_french_holidays(year: int, easter_monday: date) -> None:
    holidays = french_holidays(year)
    assert len(holidays) == 11
    assert easter_monday in holidays
    assert easter_monday + timedelta(days=38) in holidays
    assert easter_monday + timedelta(days=49) in holidays
    assert WEEKDAYS[easter_monday.weekday()] is Weekday.MON


def test_now_is_inside_the_german_day() -> None:
    assert _to("DE", NOW).outcome is GateOutcome.ALLOW
