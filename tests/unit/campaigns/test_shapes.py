"""What callers may say of a campaign, and what is refused."""

from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from domain.campaigns.shapes import CampaignWords, Rate, Schedule, WarmUpStep
from domain.campaigns.timing import CATCH_UP, ends_at, is_over, over_at, recurs, starts_at
from domain.rules.local_time import first_instant

AT = "2026-12-01T09:00:00+01:00"
ZONES = sorted(available_timezones())


@pytest.mark.parametrize(
    "given_schedule",
    [
        {"at": AT},
        {"localTime": "09:00", "date": "2026-12-01"},
        {"localTime": "09:00", "date": "2026-12-01", "timezone": "Europe/Berlin"},
        {"cron": "0 9 * * MON", "timezone": "Europe/Berlin"},
        {"cron": "0 9 * * MON", "from": "2026-12-01", "until": "2026-12-01"},
        {"calendar": [{"times": ["09:00"]}], "timezone": "Europe/Berlin"},
        {
            "calendar": [
                {"daysOfWeek": ["mon", "thu"], "times": ["09:00", "17:30"]},
                {"daysOfMonth": [1, -1], "months": [1, 2], "times": ["08:00"]},
            ],
            "from": "2026-12-01",
            "until": "2027-12-31",
            "except": ["2027-05-01", {"daysOfMonth": [24], "months": [12]}],
        },
        {"localTime": "09:00", "calendar": [{"daysOfMonth": [29], "months": [2]}, {}]},
    ],
)
def test_a_schedule_of_each_kind(given_schedule: dict[str, Any]) -> None:
    schedule = Schedule.model_validate(given_schedule)
    shown = schedule.model_dump(mode="json", by_alias=True, exclude_defaults=True)
    assert shown | {"at": AT} == given_schedule | {"at": AT}
    assert ("at" in shown) is ("at" in given_schedule)
    assert recurs(schedule) is ("cron" in given_schedule or "calendar" in given_schedule)


def calendar(*entries: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"calendar": list(entries)} | more


NINE = {"times": ["09:00"]}
DAILY = calendar(NINE)


@pytest.mark.parametrize(
    ("given_schedule", "why"),
    [
        ({}, "exactly one"),
        ({"at": AT, "cron": "0 9 * * *"}, "exactly one"),
        ({"at": AT, "localTime": "09:00", "date": "2026-12-01"}, "exactly one"),
        ({"localTime": "09:00"}, "exactly one"),
        ({"date": "2026-12-01"}, "come together"),
        ({"at": AT, "date": "2026-12-01"}, "exactly one"),
        ({"at": AT, "localTime": "09:00"}, "a date or a calendar"),
        ({"cron": "0 9 * * *", "localTime": "09:00"}, "a date or a calendar"),
        ({"localTime": "09:00:30", "date": "2026-12-01"}, "HH:MM"),
        ({"localTime": "09:00Z", "date": "2026-12-01"}, "HH:MM"),
        ({"cron": "0 9 * *"}, "five fields"),
        ({"cron": "@daily"}, "five fields"),
        ({"cron": "0 9 * * *", "timezone": "Mars/Base"}, "time zone"),
        ({"at": "2026-12-01T09:00:00"}, "timezone"),
        # Calendars.
        (calendar(), "at least one"),
        (calendar({}), "has times"),
        (calendar(NINE, localTime="09:00"), "localTime"),
        (DAILY | {"cron": "0 9 * * *"}, "exactly one"),
        (DAILY | {"date": "2026-12-01", "localTime": "09:00"}, "exactly one"),
        (calendar(NINE | {"daysOfWeek": []}), "at least one"),
        (calendar(NINE | {"daysOfWeek": ["mon", "mon"]}), "once"),
        (calendar(NINE | {"daysOfWeek": ["monday"]}), "daysOfWeek"),
        (calendar(NINE | {"daysOfMonth": [0]}), "1 to 31, or -1"),
        (calendar(NINE | {"daysOfMonth": [-2]}), "1 to 31, or -1"),
        (calendar(NINE | {"daysOfMonth": [32]}), "1 to 31, or -1"),
        (calendar(NINE | {"daysOfMonth": [1, 31], "months": [2, 4]}), "no such month has a day 31"),
        (calendar(NINE | {"daysOfMonth": [30], "months": [2]}), "no such month has a day 30"),
        (calendar(NINE | {"months": [13]}), "months"),
        (calendar({"times": ["24:00"]}), "times"),
        (calendar({"times": ["09:00", "09:00"]}), "once"),
        (calendar(NINE | {"hours": [9]}), "hours"),
        (calendar(*[NINE] * 21), "20"),
        # Bounds.
        (DAILY | {"from": "2026-12-02", "until": "2026-12-01"}, "before from"),
        (DAILY | {"until": "2100-01-01"}, "2000 and 2099"),
        (DAILY | {"except": [{}]}, "name days"),
        (DAILY | {"except": ["soon"]}, "except.0"),
        (DAILY | {"except": [{"times": ["09:00"]}]}, "times"),
        ({"at": AT, "until": "2026-12-31"}, "come with cron or calendar"),
        ({"at": AT, "except": ["2026-12-31"]}, "come with cron or calendar"),
        ({"localTime": "09:00", "date": "2026-12-01", "from": "2026-12-01"}, "come with cron"),
    ],
)
def test_a_schedule_that_is_none(given_schedule: dict[str, Any], why: str) -> None:
    with pytest.raises(ValidationError, match=why):
        Schedule.model_validate(given_schedule)


@given(
    st.dates(date(2024, 1, 1), date(2040, 1, 1)), st.times(), st.sampled_from(ZONES)
)  # fmt: skip
def test_no_zone_is_due_before_the_start_or_after_the_end(day: date, at: time, zone: str) -> None:
    """Whatever the zone: so a campaign opened at `starts_at` misses nobody's instant."""
    at = at.replace(second=0, microsecond=0, fold=0)
    schedule = Schedule(local_time=at, date=day)
    due = first_instant(day, at, ZoneInfo(zone))
    first, last = starts_at(schedule), ends_at(schedule)
    assert first is not None
    assert last is not None
    assert first <= due <= last


def test_the_start_of_the_other_kinds() -> None:
    at = datetime(2026, 12, 1, 8, 0, tzinfo=UTC)
    assert starts_at(Schedule(at=at)) == ends_at(Schedule(at=at)) == at
    weekly = Schedule(cron="0 9 * * MON")
    assert starts_at(weekly) is ends_at(weekly) is over_at(weekly) is None
    assert not is_over(weekly, at + timedelta(days=10_000))
    assert not recurs(None)


@given(st.dates(date(2026, 1, 1), date(2098, 1, 1)), st.times(), st.sampled_from(ZONES))
def test_the_end_of_what_recurs_is_after_the_last_that_is_due(
    day: date, at: time, zone: str
) -> None:
    at = at.replace(second=0, microsecond=0, fold=0)
    local = Schedule.model_validate({"localTime": at, "calendar": [{}], "until": day})
    there = Schedule.model_validate({"calendar": [{"times": [at]}], "until": day, "timezone": zone})
    due = first_instant(day, at, ZoneInfo(zone))
    for schedule in (local, there):
        last = ends_at(schedule)
        assert last is not None
        assert due <= last <= due + timedelta(hours=26)
        assert is_over(schedule, last + CATCH_UP)
        assert not is_over(schedule, last + CATCH_UP - timedelta(seconds=1))


# Rates.


@pytest.mark.parametrize("days", [[1, 1], [2, 1], [1, 3, 2]])
def test_warm_up_days_are_in_order(days: list[int]) -> None:
    with pytest.raises(ValidationError, match="in order"):
        Rate(warm_up=tuple(WarmUpStep(day=day, max=1) for day in days))


@given(
    st.dictionaries(st.integers(1, 366), st.integers(1, 1000), min_size=1, max_size=10),
    st.integers(1, 400),
)
def test_a_days_cap_is_that_of_the_next_step(steps: dict[int, int], day: int) -> None:
    rate = Rate(warm_up=tuple(WarmUpStep(day=d, max=steps[d]) for d in sorted(steps)))
    cap = rate.cap_on(day)
    coming = [d for d in steps if d >= day]
    assert cap == (steps[min(coming)] if coming else None)


def test_without_steps_there_is_no_cap() -> None:
    assert Rate().cap_on(1) is None
    assert Rate(per_minute=5).cap_on(1) is None


@pytest.mark.parametrize("rate", [{"perMinute": 0}, {"perMinute": 10_000_001},
                                  {"warmUp": [{"day": 0, "max": 1}]},
                                  {"warmUp": [{"day": 1, "max": 0}]}])  # fmt: skip
def test_rates_that_are_none(rate: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Rate.model_validate(rate)


def test_title_and_content_come_together() -> None:
    CampaignWords(title="T", content="C")
    CampaignWords()
    for half in ({"title": "T"}, {"content": "C"}):
        with pytest.raises(ValidationError, match="come together"):
            CampaignWords.model_validate(half)
