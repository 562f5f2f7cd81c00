"""Gathering windows: their edges, their zones, and that they always end."""

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.enums import Channel, DeliveryMode, GateOutcome, Priority
from domain.rules.category import decide_category_delivery, digest_window
from tests.unit.rules.builders import facts, instants, zones

BERLIN = ZoneInfo("Europe/Berlin")
GATHERING = st.sampled_from([DeliveryMode.HOURLY, DeliveryMode.DAILY, DeliveryMode.WEEKLY])


def _berlin(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=BERLIN)


def _decide(delivery: str, at: datetime, **of: Any) -> Any:
    prefs = {"categories": {"jobs": {"delivery": delivery}}}
    return decide_category_delivery(facts(prefs=prefs, **of), Channel.EMAIL, at.astimezone(UTC))


@pytest.mark.parametrize(
    ("delivery", "at", "until"),
    [
        ("hourly", "2026-03-04 10:20", "2026-03-04 11:00"),
        ("hourly", "2026-03-04 11:00", "2026-03-04 12:00"),
        ("daily", "2026-03-04 08:59", "2026-03-04 09:00"),
        ("daily", "2026-03-04 09:00", "2026-03-05 09:00"),
        ("daily", "2026-03-28 10:00", "2026-03-29 09:00"),
        ("weekly", "2026-03-04 10:00", "2026-03-09 09:00"),
        ("weekly", "2026-03-09 08:00", "2026-03-09 09:00"),
        ("weekly", "2026-03-09 09:00", "2026-03-16 09:00"),
        ("weekly", "2026-10-21 10:00", "2026-10-26 09:00"),
    ],
)
def test_gathers_until_the_window_ends(delivery: str, at: str, until: str) -> None:
    now = _berlin(at)
    decision = _decide(delivery, now, accepted_at=now)
    assert decision.outcome is GateOutcome.DIGEST
    assert decision.reason == f"digest_{delivery}"
    assert decision.until.timestamp() == _berlin(until).timestamp()


def test_immediate_and_never_chosen_go_at_once() -> None:
    at = _berlin("2026-03-04 10:20")
    assert _decide("immediate", at).reason == "immediate_delivery"
    plain = decide_category_delivery(facts(), Channel.EMAIL, at)
    assert plain.reason == "immediate_delivery"


def test_critical_and_send_now_are_not_gathered() -> None:
    at = _berlin("2026-03-04 10:20")
    assert _decide("daily", at, priority=Priority.CRITICAL).reason == "critical_bypass"
    assert _decide("daily", at, send_now=True).reason == "send_now_bypass"


def test_a_window_that_is_over_lets_go() -> None:
    accepted = _berlin("2026-03-04 08:30")
    decision = _decide("daily", _berlin("2026-03-04 09:00"), accepted_at=accepted)
    assert (decision.outcome, decision.reason) == (GateOutcome.ALLOW, "digest_window_over")


def test_what_was_scheduled_belongs_to_the_window_of_its_schedule() -> None:
    scheduled = _berlin("2026-03-04 10:00")
    decision = _decide(
        "daily", scheduled, accepted_at=_berlin("2026-03-01 10:00"), scheduled_at=scheduled
    )
    assert decision.outcome is GateOutcome.DIGEST


@given(GATHERING, zones, instants(), st.integers(0, 400))
def test_every_instant_lies_in_one_window_and_the_window_ends(
    mode: DeliveryMode, zone: str, at: datetime, minutes_ago: int
) -> None:
    begins_at, ends_at = digest_window(mode, ZoneInfo(zone), at)
    assert begins_at <= at < ends_at
    assert digest_window(mode, ZoneInfo(zone), ends_at)[0] == ends_at
    accepted_at = at - timedelta(minutes=minutes_ago)
    first = _decide(mode, at, timezone=zone, accepted_at=accepted_at)
    if first.until is not None:
        again = _decide(mode, first.until, timezone=zone, accepted_at=accepted_at)
        assert again.reason == "digest_window_over"
