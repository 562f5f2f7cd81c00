"""What holds of every plan, whatever the facts."""

from dataclasses import replace
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from domain.enums import Channel, ConsentType, GateOutcome, PlanOutcome, Priority, Strategy
from domain.facts import PlanFacts, Reach
from domain.plan import STANDING_GATES, TIMED_GATES, WHOLE_GATES, make_plan
from domain.plan_types import Plan
from domain.preferences import Preferences
from domain.rules.quiet_hours import is_always_quiet, quiet_until
from domain.rules.reasons import CLAUSES, Reason
from domain.rules.sms_windows import SMS_WINDOWS
from tests.unit.rules.builders import NOW, any_facts, facts_and_now

SMS = Channel.SMS
thorough = settings(
    max_examples=200,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)


@thorough
@given(facts_and_now())
def test_the_same_facts_give_the_same_plan(given_: tuple[PlanFacts, datetime]) -> None:
    of, now = given_
    plan = make_plan(of, now)
    assert make_plan(of, now) == plan
    elsewhere = now.astimezone(ZoneInfo("Asia/Tokyo"))
    assert make_plan(of, elsewhere) == plan
    assert make_plan(replace(of, usage=of.usage[::-1]), now) == plan


@thorough
@given(facts_and_now())
def test_a_plan_keeps_its_word_on_shape(given_: tuple[PlanFacts, datetime]) -> None:
    of, now = given_
    plan = make_plan(of, now)
    assert Plan.model_validate_json(plan.model_dump_json()) == plan
    assert tuple(c.channel for c in plan.channels) == of.notification.channels
    assert (plan.until is not None) == (plan.outcome is PlanOutcome.WAIT)
    assert bool(plan.ready()) == (plan.outcome is PlanOutcome.DELIVER)
    waiting = {GateOutcome.DEFER, GateOutcome.DIGEST}
    for channel in plan.channels:
        assert (channel.until is not None) == (channel.outcome in waiting)
        assert channel.until is None or channel.until > now
    assert {Reason(g.reason) for g in plan.gates} <= set(CLAUSES)
    known = {name for name, _ in (*WHOLE_GATES, *STANDING_GATES, *TIMED_GATES)}
    assert {g.gate for g in plan.gates} <= known | {"channel_choice"}


@thorough
@given(facts_and_now())
def test_a_fallback_never_uses_two_channels_at_once(given_: tuple[PlanFacts, datetime]) -> None:
    of, now = given_
    assume(of.notification.strategy is not Strategy.ALL)
    plan = make_plan(of, now)
    if plan.reason != Reason.SCHEDULED:
        live = [c for c in plan.channels if c.outcome not in {GateOutcome.SKIP, GateOutcome.HOLD}]
        assert len(live) <= 1


def _bypassing(of: PlanFacts) -> bool:
    return of.notification.send_now or of.notification.priority is Priority.CRITICAL


def _assert_allowed(of: PlanFacts, channel: Channel, at: datetime) -> None:
    quiet = of.preferences.quiet_hours
    if quiet.enabled and channel in quiet.channels and not _bypassing(of):
        assert not is_always_quiet(quiet)
        assert quiet_until(quiet, ZoneInfo(quiet.timezone or of.timezone), at) is None
    if channel is SMS and not of.notification.legally_transactional:
        window = SMS_WINDOWS.get(of.reach[SMS].destination_country or "")
        if window is not None:
            for zone in window.zones_for(of.timezone):
                local = at.astimezone(ZoneInfo(zone))
                assert window.opens <= local.time() < window.closes
    assert of.notification.expires_at is None or at < of.notification.expires_at


@thorough
@given(facts_and_now())
def test_no_instant_chosen_is_quiet_or_unlawful_or_too_late(
    given_: tuple[PlanFacts, datetime],
) -> None:
    of, now = given_
    plan = make_plan(of, now)
    if plan.reason == Reason.SCHEDULED:
        return
    for channel in plan.channels:
        if channel.outcome in {GateOutcome.ALLOW, GateOutcome.DEFER, GateOutcome.DIGEST}:
            _assert_allowed(of, channel.channel, channel.until or now)


@thorough
@given(facts_and_now())
def test_what_waits_may_go_when_its_time_comes(given_: tuple[PlanFacts, datetime]) -> None:
    of, now = given_
    plan = make_plan(of, now)
    for channel in plan.channels:
        if channel.until is not None and plan.reason != Reason.SCHEDULED:
            only = replace(of.notification, channels=(channel.channel,))
            then = make_plan(replace(of, notification=only), channel.until)
            assert then.ready() == (channel.channel,)


def _prefs(of: PlanFacts, **changes: Any) -> PlanFacts:
    kept = {name: getattr(of.preferences, name) for name in Preferences.model_fields}
    return replace(of, preferences=Preferences(**{**kept, **changes}))


OPT_OUTS: dict[str, Any] = {
    "unsubscribed": lambda of, _c: replace(of, subscription=frozenset()),
    "channel off": lambda of, c: _prefs(
        of, channels={**of.preferences.channels, c: {"enabled": False}}
    ),
    "category off": lambda of, _c: _prefs(of, categories={"jobs": {"enabled": False}}),
    "category elsewhere": lambda of, c: _prefs(
        of, categories={"jobs": {"channels": set(Channel) - {c}}}
    ),
    "consent refused": lambda of, _c: replace(
        of,
        notification=replace(of.notification, required_consent=ConsentType.MARKETING),
        consents={**of.consents, ConsentType.MARKETING: False},
    ),
}


@thorough
@given(any_facts(NOW), st.sampled_from(Channel), st.sampled_from(sorted(OPT_OUTS)))
def test_nothing_overrides_an_opt_out(of: PlanFacts, channel: Channel, how: str) -> None:
    plan = make_plan(OPT_OUTS[how](of, channel), NOW)
    for planned in plan.channels:
        if planned.channel is channel and plan.reason != Reason.SCHEDULED:
            assert planned.outcome is GateOutcome.SKIP


@thorough
@given(any_facts(NOW), st.booleans())
def test_nothing_overrides_a_missing_sms_consent_or_a_suppression(
    of: PlanFacts, suppressed: bool
) -> None:
    if suppressed:
        of = replace(of, reach={**of.reach, SMS: Reach(1, suppressed=1)})
    else:
        open_type = replace(of.notification, legally_transactional=False)
        of = replace(of, notification=open_type, consents={})
    assert SMS not in make_plan(of, NOW).ready()
