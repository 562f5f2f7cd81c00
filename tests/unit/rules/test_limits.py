"""Frequency limits and throttles: exact instants, and caps that no order of events breaks."""

import heapq
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.enums import Category, Channel, GateOutcome, PlanOutcome, Priority, WhenExceeded
from domain.facts import PlanFacts, Usage
from domain.plan import make_plan
from domain.preferences import Frequency
from domain.rules.frequency import decide_frequency, limits_of
from domain.rules.throttle import decide_throttle
from tests.unit.rules.builders import NOW, any_facts, facts, frequencies, used

HOUR, DAY, WEEK = timedelta(hours=1), timedelta(days=1), timedelta(days=7)
MINUTE = timedelta(minutes=1)
EMAIL, PUSH = Channel.EMAIL, Channel.PUSH


def _limited(frequency: dict[str, Any], *usage: Usage, **of: Any) -> PlanFacts:
    return facts(prefs={"frequency": frequency}, usage=usage, **of)


def test_no_limits() -> None:
    assert decide_frequency(facts(), EMAIL, NOW).reason == "no_limits"
    other = _limited({"categories": {"messages": {"maxPerDay": 0}}})
    assert decide_frequency(other, EMAIL, NOW).reason == "no_limits"


def test_within_limits_tells_every_count() -> None:
    of = _limited(
        {"maxPerDay": 2, "categories": {"jobs": {"maxPerHour": 1}}}, used(NOW - 2 * HOUR, 2)
    )
    decision = decide_frequency(of, EMAIL, NOW)
    assert decision.reason == "within_limits"
    assert decision.facts["limits"] == [
        {"scope": "overall", "limit": "maxPerDay", "max": 2, "count": 1},
        {"scope": "jobs", "limit": "maxPerHour", "max": 1, "count": 0},
    ]


@pytest.mark.parametrize(
    ("cap", "window"), [("maxPerHour", HOUR), ("maxPerDay", DAY), ("maxPerWeek", WEEK)]
)
def test_waits_until_the_oldest_that_is_one_too_many_no_longer_counts(
    cap: str, window: timedelta
) -> None:
    usage = [used(NOW - minutes * MINUTE, minutes) for minutes in (50, 10, 30)]
    decision = decide_frequency(_limited({cap: 2}, *usage), EMAIL, NOW)
    assert (decision.outcome, decision.reason) == (GateOutcome.DEFER, "frequency_exceeded")
    assert decision.until == NOW - 30 * MINUTE + window


def test_a_message_counts_until_exactly_one_window_later() -> None:
    of = _limited({"maxPerHour": 1}, used(NOW, 2))
    assert decide_frequency(of, EMAIL, NOW + HOUR - MINUTE).outcome is GateOutcome.DEFER
    assert decide_frequency(of, EMAIL, NOW + HOUR).outcome is GateOutcome.ALLOW


def test_overall_counts_notifications_and_categories_count_messages() -> None:
    twice = [used(NOW - HOUR, 2, channel=EMAIL), used(NOW - 2 * HOUR, 2, channel=PUSH)]
    overall = _limited({"maxPerDay": 2}, *twice)
    assert decide_frequency(overall, EMAIL, NOW).outcome is GateOutcome.ALLOW
    per_channel = _limited({"categories": {"jobs": {"maxPerDay": 1}}}, twice[1])
    assert decide_frequency(per_channel, EMAIL, NOW).outcome is GateOutcome.ALLOW
    assert decide_frequency(per_channel, PUSH, NOW).outcome is GateOutcome.DEFER
    elsewhere = used(NOW - HOUR, 3, category=Category.MESSAGES)
    other = _limited({"categories": {"jobs": {"maxPerDay": 1}}}, elsewhere)
    assert decide_frequency(other, EMAIL, NOW).outcome is GateOutcome.ALLOW


def test_digest_waits_for_nine_or_longer_where_the_cap_needs_it() -> None:
    noon_berlin = datetime(2026, 3, 4, 11, 0, tzinfo=UTC)
    choice = {"whenExceeded": "digest"}
    day = _limited({"maxPerHour": 1, **choice}, used(noon_berlin - MINUTE, 2))
    decision = decide_frequency(day, EMAIL, noon_berlin)
    assert decision.outcome is GateOutcome.DIGEST
    assert decision.until == datetime(2026, 3, 5, 8, 0, tzinfo=UTC)
    week = _limited({"maxPerWeek": 1, **choice}, used(noon_berlin - MINUTE, 2))
    assert decide_frequency(week, EMAIL, noon_berlin).until == noon_berlin - MINUTE + WEEK


def test_drop_and_zero() -> None:
    dropped = _limited({"maxPerDay": 1, "whenExceeded": "drop"}, used(NOW - HOUR, 2))
    decision = decide_frequency(dropped, EMAIL, NOW)
    assert (decision.outcome, decision.reason) == (GateOutcome.SKIP, "frequency_exceeded")
    zero = decide_frequency(_limited({"maxPerWeek": 0}), EMAIL, NOW)
    assert (zero.outcome, zero.reason) == (GateOutcome.SKIP, "frequency_zero")


def test_throttle() -> None:
    assert decide_throttle(facts(), EMAIL, NOW).reason == "no_throttle"
    room = {EMAIL: (2, HOUR)}
    one = facts(throttles=room, usage=(used(NOW - MINUTE, 2), used(NOW, 3, channel=PUSH)))
    assert decide_throttle(one, EMAIL, NOW).facts == {"max": 2, "windowSeconds": 3600.0, "count": 1}
    full = facts(throttles=room, usage=(used(NOW - MINUTE, 2), used(NOW - 2 * MINUTE, 3)))
    held = decide_throttle(full, EMAIL, NOW)
    assert (held.outcome, held.reason) == (GateOutcome.DEFER, "throttled")
    assert held.until == NOW - 2 * MINUTE + HOUR
    zero = decide_throttle(facts(throttles={EMAIL: (0, HOUR)}), EMAIL, NOW)
    assert (zero.outcome, zero.reason) == (GateOutcome.SKIP, "throttle_zero")


@pytest.mark.parametrize(
    ("of", "reason"),
    [({"priority": Priority.CRITICAL}, "critical_bypass"), ({"send_now": True}, "send_now_bypass")],
)
def test_critical_and_send_now_pass_limits_and_throttles(of: dict[str, Any], reason: str) -> None:
    limited = _limited({"maxPerDay": 0}, throttles={EMAIL: (0, HOUR)}, **of)
    assert decide_frequency(limited, EMAIL, NOW).reason == reason
    assert decide_throttle(limited, EMAIL, NOW).reason == reason


@given(any_facts(NOW), st.sampled_from(Channel))
def test_a_deferral_is_the_first_instant_that_is_allowed(of: PlanFacts, channel: Channel) -> None:
    for gate in (decide_frequency, decide_throttle):
        until = gate(of, channel, NOW).until
        if until is not None:
            assert until > NOW
            assert gate(of, channel, until).outcome is GateOutcome.ALLOW
            gathered = of.preferences.frequency.when_exceeded is WhenExceeded.DIGEST
            if gate is decide_throttle or not gathered:
                before = gate(of, channel, until - timedelta(microseconds=1))
                assert before.outcome is not GateOutcome.ALLOW


arrivals = st.lists(
    st.tuples(
        st.integers(0, 3 * 24 * 60),
        st.sampled_from([Category.JOBS, Category.MESSAGES]),
        st.lists(st.sampled_from(Channel), min_size=1, max_size=3, unique=True),
    ),
    max_size=12,
)
THROTTLES = {channel: (2, timedelta(minutes=20)) for channel in Channel}


@settings(deadline=None)
@given(arrivals, frequencies, st.booleans())
def test_caps_hold_under_any_order_of_events(
    events: list[tuple[int, Category, list[Channel]]], frequency: Frequency, quiet: bool
) -> None:
    """A user's stream of notifications, each planned when it comes and whenever it is due."""
    prefs = {"frequency": frequency, "quiet_hours": {"enabled": quiet}}
    usage: list[Usage] = []
    queue: list[tuple[datetime, int, Category, tuple[Channel, ...]]] = [
        (NOW + minutes * MINUTE, number, category, tuple(channels))
        for number, (minutes, category, channels) in enumerate(events, start=2)
    ]
    heapq.heapify(queue)
    for _ in range(5_000):
        if not queue:
            break
        now, number, category, channels = heapq.heappop(queue)
        of = facts(
            prefs=prefs,
            throttles=THROTTLES,
            usage=tuple(u for u in usage if u.notification_id.int != number),
            id=UUID(int=number),
            category=category,
            channels=channels,
            accepted_at=NOW,
        )
        plan = make_plan(of, now)
        usage += [Usage(UUID(int=number), category, channel, now) for channel in plan.ready()]
        for waiting in plan.channels:
            if waiting.until is not None:
                heapq.heappush(queue, (waiting.until, number, category, (waiting.channel,)))
        assert plan.outcome is not PlanOutcome.EXPIRE
    assert not queue, "every notification comes to an end"
    for last in usage:
        _assert_caps_hold(frequency, usage, last)


def _assert_caps_hold(frequency: Frequency, usage: list[Usage], last: Usage) -> None:
    of = facts(prefs={"frequency": frequency}, category=last.category)
    for limit in limits_of(of):
        within = [u for u in usage if last.at - limit.window < u.at <= last.at]
        if limit.scope == "overall":
            assert len({u.notification_id for u in within}) <= limit.maximum
        else:
            same = [u for u in within if (u.category, u.channel) == (last.category, last.channel)]
            assert len(same) <= limit.maximum
    maximum, window = THROTTLES[last.channel]
    near = [u for u in usage if last.at - window < u.at <= last.at and u.channel is last.channel]
    assert len(near) <= maximum
