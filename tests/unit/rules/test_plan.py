"""The whole plan: its order and its outcomes, example by example."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from domain.enums import Channel, GateOutcome, PlanOutcome, Priority, Strategy
from domain.facts import Reach
from domain.plan import MAX_ROUNDS, make_plan
from domain.plan_types import Plan
from tests.unit.rules.builders import NOW, facts, used

EMAIL, SMS, PUSH, WEBSOCKET = Channel.EMAIL, Channel.SMS, Channel.PUSH, Channel.WEBSOCKET
HOUR = timedelta(hours=1)
NIGHT = datetime(2026, 3, 4, 22, 30, tzinfo=UTC)
MORNING = datetime(2026, 3, 5, 6, 0, tzinfo=UTC)
QUIET = {"quiet_hours": {"enabled": True}}


def _outcomes(plan: Plan) -> dict[Channel, tuple[str, str]]:
    return {c.channel: (c.outcome.value, str(c.reason)) for c in plan.channels}


def test_everything_goes_by_day() -> None:
    plan = make_plan(facts(), NOW)
    assert (plan.outcome, plan.reason, plan.until) == (PlanOutcome.DELIVER, "ready", None)
    assert plan.ready() == tuple(Channel)


def test_gates_are_asked_in_their_order() -> None:
    plan = make_plan(facts(channels=(SMS,)), NOW)
    assert [gate.gate for gate in plan.gates] == [
        *("expiry", "schedule", "duplicate"),
        *("consent", "subscription", "category", "channel", "reach"),
        *("category_delivery", "compliance", "quiet_hours", "frequency", "throttle"),
        *("number_limit", "pause"),
        "channel_choice",
    ]


def test_all_may_deliver_on_some_channels_and_wait_on_others() -> None:
    plan = make_plan(facts(prefs=QUIET), NIGHT)
    assert (plan.outcome, plan.until) == (PlanOutcome.DELIVER, None)
    assert plan.ready() == (WEBSOCKET,)
    assert {c.until for c in plan.channels if c.channel is not WEBSOCKET} == {MORNING}


def test_waits_for_the_first_channel_that_becomes_free() -> None:
    later = facts(
        prefs=QUIET, channels=(PUSH, EMAIL), throttles={PUSH: (1, 10 * HOUR)},
        usage=(used(NIGHT, 2, channel=PUSH),),
    )  # fmt: skip
    plan = make_plan(later, NIGHT)
    assert (plan.outcome, plan.reason, plan.until) == (PlanOutcome.WAIT, "quiet_hours", MORNING)
    assert _outcomes(plan)[PUSH] == ("defer", "throttled")


def test_skipped_for_the_first_channels_reason() -> None:
    of = facts(channels=(PUSH, EMAIL), reach={}, subscription=None)
    plan = make_plan(of, NOW)
    assert (plan.outcome, plan.reason) == (PlanOutcome.SKIP, "no_device")
    assert _outcomes(plan) == {PUSH: ("skip", "no_device"), EMAIL: ("skip", "no_address")}


def test_no_channel_left() -> None:
    plan = make_plan(facts(channels=()), NOW)
    assert (plan.outcome, plan.reason, plan.channels) == (PlanOutcome.SKIP, "no_channels", ())


def test_expired_and_duplicate_end_everything() -> None:
    expired = make_plan(facts(expires_at=NOW), NOW)
    assert (expired.outcome, expired.reason) == (PlanOutcome.EXPIRE, "expired")
    assert set(_outcomes(expired).values()) == {("skip", "expired")}
    duplicate = make_plan(facts(duplicate_of=UUID(int=5)), NOW)
    assert (duplicate.outcome, duplicate.reason) == (PlanOutcome.SKIP, "duplicate")


def test_schedule_holds_the_whole_notification() -> None:
    later = NOW + HOUR
    plan = make_plan(facts(scheduled_at=later, subscription=frozenset()), NOW)
    assert (plan.outcome, plan.reason, plan.until) == (PlanOutcome.WAIT, "scheduled", later)
    assert set(_outcomes(plan).values()) == {("defer", "scheduled")}
    assert make_plan(facts(scheduled_at=later, send_now=True), NOW).ready() == tuple(Channel)
    assert make_plan(facts(scheduled_at=later), later).ready() == tuple(Channel)


def test_what_expires_before_it_may_go_expires() -> None:
    scheduled = make_plan(facts(scheduled_at=NOW + HOUR, expires_at=NOW + HOUR), NOW)
    assert (scheduled.outcome, scheduled.reason) == (PlanOutcome.EXPIRE, "expires_before_allowed")
    assert scheduled.until is None
    quiet = facts(prefs=QUIET, channels=(PUSH, EMAIL), expires_at=MORNING)
    plan = make_plan(quiet, NIGHT)
    assert (plan.outcome, plan.reason) == (PlanOutcome.EXPIRE, "expires_before_allowed")
    assert plan.gates[-1].facts["allowedAt"] == MORNING.isoformat()
    just = replace(quiet, notification=replace(quiet.notification, expires_at=MORNING + HOUR))
    assert make_plan(just, NIGHT).outcome is PlanOutcome.WAIT


@pytest.mark.parametrize(
    ("strategy", "reason"),
    [
        (Strategy.FALLBACK, "held_for_fallback"),
        (Strategy.ESCALATE, "held_for_escalation"),
    ],
)
def test_only_the_first_usable_channel_goes_and_the_rest_is_held(
    strategy: Strategy, reason: str
) -> None:
    of = facts(strategy=strategy, channels=(PUSH, EMAIL, SMS), reach={
        EMAIL: Reach(1), SMS: Reach(1, destination_country="DE"),
    })  # fmt: skip
    plan = make_plan(of, NOW)
    assert plan.ready() == (EMAIL,)
    assert _outcomes(plan) == {
        PUSH: ("skip", "no_device"),
        EMAIL: ("allow", "ready"),
        SMS: ("hold", reason),
    }


def test_a_held_channel_does_not_jump_in_while_the_first_waits() -> None:
    of = facts(prefs=QUIET, strategy=Strategy.FALLBACK, channels=(EMAIL, WEBSOCKET))
    plan = make_plan(of, NIGHT)
    assert (plan.outcome, plan.until) == (PlanOutcome.WAIT, MORNING)
    assert _outcomes(plan)[WEBSOCKET] == ("hold", "held_for_fallback")


def test_the_chain_of_rules_settles_on_an_instant_that_suits_them_all() -> None:
    of = facts(
        prefs={
            "quiet_hours": {"enabled": True, "end": "08:30"},
            "categories": {"jobs": {"delivery": "hourly"}},
        },
        timezone="Europe/Paris",
        reach={SMS: Reach(1, destination_country="FR")},
        throttles={SMS: (1, 9 * HOUR)},
        usage=(used(NIGHT, 2, channel=SMS),),
        channels=(SMS,),
        accepted_at=NIGHT,
    )
    plan = make_plan(of, NIGHT)
    steps = [(g.gate, g.until) for g in plan.gates if g.until is not None]
    at = [datetime(2026, 3, 5, h, m, tzinfo=UTC) for h, m in ((7, 0), (7, 30))]
    assert steps == [
        ("category_delivery", NIGHT + HOUR / 2),
        ("compliance", at[0]),
        ("quiet_hours", at[1]),
    ]
    assert (plan.until, plan.channels[0].outcome) == (at[1], GateOutcome.DIGEST)
    assert plan.gates[-2].facts["at"] == at[1].isoformat()


def test_rules_that_never_meet_are_said_to() -> None:
    of = facts(
        prefs={"quiet_hours": {"enabled": True, "start": "07:00", "end": "23:00"}},
        timezone="Europe/Paris",
        reach={SMS: Reach(1, destination_country="FR")},
        channels=(SMS,),
    )
    plan = make_plan(of, NOW)
    assert (plan.outcome, plan.reason) == (PlanOutcome.SKIP, "no_allowed_time")
    assert len(plan.gates) < MAX_ROUNDS


@pytest.mark.parametrize(
    ("changes", "reason"),
    [({"priority": Priority.CRITICAL}, "critical_bypass"), ({"send_now": True}, "send_now_bypass")],
)
def test_bypasses_are_in_the_trace(changes: dict[str, Any], reason: str) -> None:
    of = facts(
        prefs={**QUIET, "frequency": {"maxPerDay": 0}}, throttles={EMAIL: (0, HOUR)}, **changes
    )
    plan = make_plan(of, NIGHT)
    assert plan.ready() == tuple(Channel)
    passed = {g.gate for g in plan.gates if g.reason == reason and g.channel is EMAIL}
    assert passed == {"quiet_hours", "frequency", "throttle"}
