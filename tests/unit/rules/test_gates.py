"""The gates that read a choice or an address: one row, one answer."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from domain.enums import Channel, ConsentType, GateOutcome, Priority
from domain.facts import Hold, Reach
from domain.rules.category import decide_category
from domain.rules.channel import decide_channel
from domain.rules.consent import decide_consent
from domain.rules.duplicate import decide_duplicate
from domain.rules.expiry import decide_expiry
from domain.rules.pause import decide_pause
from domain.rules.reach import decide_reach
from domain.rules.schedule import decide_schedule
from domain.rules.subscription import decide_subscription
from tests.unit.rules.builders import NOW, facts

SECOND = timedelta(seconds=1)
ALLOW, SKIP, DEFER = GateOutcome.ALLOW, GateOutcome.SKIP, GateOutcome.DEFER
MARKETING, SMS_CONSENT = ConsentType.MARKETING, ConsentType.SMS
EMAIL, SMS, PUSH, WEBSOCKET = Channel.EMAIL, Channel.SMS, Channel.PUSH, Channel.WEBSOCKET


@pytest.mark.parametrize(
    ("expires_at", "outcome", "reason"),
    [
        (None, ALLOW, "no_expiry"),
        (NOW + SECOND, ALLOW, "not_expired"),
        (NOW, SKIP, "expired"),
        (NOW - SECOND, SKIP, "expired"),
    ],
)
def test_expiry(expires_at: Any, outcome: GateOutcome, reason: str) -> None:
    decision = decide_expiry(facts(expires_at=expires_at), NOW)
    assert (decision.outcome, decision.reason) == (outcome, reason)


@pytest.mark.parametrize(
    ("scheduled_at", "send_now", "outcome", "reason"),
    [
        (None, False, ALLOW, "not_scheduled"),
        (NOW, False, ALLOW, "schedule_reached"),
        (NOW + SECOND, False, DEFER, "scheduled"),
        (NOW + SECOND, True, ALLOW, "send_now_bypass"),
    ],
)
def test_schedule(scheduled_at: Any, send_now: bool, outcome: GateOutcome, reason: str) -> None:
    decision = decide_schedule(facts(scheduled_at=scheduled_at, send_now=send_now), NOW)
    assert (decision.outcome, decision.reason) == (outcome, reason)
    assert decision.until == (scheduled_at if outcome is DEFER else None)


def test_critical_priority_does_not_jump_its_own_schedule() -> None:
    later = NOW + SECOND
    decision = decide_schedule(facts(scheduled_at=later, priority=Priority.CRITICAL), NOW)
    assert decision.outcome is DEFER


def test_duplicate() -> None:
    assert decide_duplicate(facts(), NOW).reason == "not_duplicate"
    repeated = decide_duplicate(facts(duplicate_of=UUID(int=7)), NOW)
    assert repeated.outcome is SKIP
    assert repeated.facts == {"duplicateOf": str(UUID(int=7))}


@pytest.mark.parametrize(
    ("channel", "required", "legal", "answers", "reason"),
    [
        (EMAIL, None, False, {}, "consent_not_needed"),
        (EMAIL, None, False, {SMS_CONSENT: False}, "consent_not_needed"),
        (EMAIL, MARKETING, False, {}, "consent_missing"),
        (EMAIL, MARKETING, False, {MARKETING: False}, "consent_refused"),
        (EMAIL, MARKETING, False, {MARKETING: True}, "consent_granted"),
        (EMAIL, MARKETING, True, {}, "consent_missing"),
        (SMS, None, False, {}, "consent_missing"),
        (SMS, None, False, {SMS_CONSENT: False}, "consent_refused"),
        (SMS, None, False, {SMS_CONSENT: True}, "consent_granted"),
        (SMS, None, True, {}, "consent_not_needed"),
        (SMS, None, True, {SMS_CONSENT: False}, "consent_not_needed"),
        (SMS, MARKETING, False, {SMS_CONSENT: True}, "consent_missing"),
        (SMS, MARKETING, False, {MARKETING: True, SMS_CONSENT: False}, "consent_refused"),
        (SMS, MARKETING, False, {MARKETING: True, SMS_CONSENT: True}, "consent_granted"),
    ],
)
def test_consent(channel: Channel, required: Any, legal: bool, answers: Any, reason: str) -> None:
    of = facts(required_consent=required, legally_transactional=legal, consents=answers)
    decision = decide_consent(of, channel)
    assert decision.reason == reason
    stops = reason in {"consent_missing", "consent_refused"}
    assert decision.outcome is (SKIP if stops else ALLOW)


@pytest.mark.parametrize("legal", [True, False])
@pytest.mark.parametrize(
    ("subscribed", "outcome", "reason"),
    [
        (None, ALLOW, "subscription_not_chosen"),
        (frozenset({EMAIL}), ALLOW, "subscribed"),
        (frozenset({PUSH, SMS}), SKIP, "channel_not_subscribed"),
        (frozenset(), SKIP, "unsubscribed"),
    ],
)
def test_subscription(legal: bool, subscribed: Any, outcome: GateOutcome, reason: str) -> None:
    decision = decide_subscription(
        facts(subscription=subscribed, legally_transactional=legal), EMAIL
    )
    assert (decision.outcome, decision.reason) == (outcome, reason)


@pytest.mark.parametrize(
    ("jobs", "outcome", "reason"),
    [
        (None, ALLOW, "category_allowed"),
        ({}, ALLOW, "category_allowed"),
        ({"channels": ["email"]}, ALLOW, "category_allowed"),
        ({"channels": ["push"]}, SKIP, "category_channel_excluded"),
        ({"channels": []}, SKIP, "category_channel_excluded"),
        ({"enabled": False, "channels": ["email"]}, SKIP, "category_disabled"),
    ],
)
def test_category(jobs: Any, outcome: GateOutcome, reason: str) -> None:
    prefs = {} if jobs is None else {"categories": {"jobs": jobs}}
    decision = decide_category(facts(prefs=prefs), EMAIL)
    assert (decision.outcome, decision.reason) == (outcome, reason)


@pytest.mark.parametrize("channel", list(Channel))
@pytest.mark.parametrize(
    ("enabled", "outcome", "reason"),
    [
        (None, ALLOW, "channel_not_chosen"),
        (True, ALLOW, "channel_enabled"),
        (False, SKIP, "channel_disabled"),
    ],
)
def test_channel(channel: Channel, enabled: Any, outcome: GateOutcome, reason: str) -> None:
    prefs = {"channels": {channel: {"enabled": enabled}}}
    decision = decide_channel(facts(prefs=prefs), channel)
    assert (decision.outcome, decision.reason) == (outcome, reason)


@pytest.mark.parametrize(
    ("part", "reason"),
    [
        ("channel:sms", "channel_paused"),
        ("provider:twilio", "provider_paused"),
        ("campaign", "campaign_paused"),
    ],
)
def test_what_operators_hold_back_waits(part: str, reason: str) -> None:
    held = facts(holds={Channel.SMS: Hold(part, NOW + SECOND)}, priority=Priority.CRITICAL)
    decision = decide_pause(held, Channel.SMS, NOW)
    assert (decision.outcome, decision.reason, decision.until) == (DEFER, reason, NOW + SECOND)
    assert decision.facts == {"paused": part}
    assert decide_pause(held, Channel.SMS, NOW + SECOND).outcome is ALLOW
    assert decide_pause(held, Channel.EMAIL, NOW).reason == "not_paused"


@pytest.mark.parametrize(
    ("channel", "reach", "outcome", "reason"),
    [
        (EMAIL, None, SKIP, "no_address"),
        (SMS, Reach(0), SKIP, "no_address"),
        (PUSH, Reach(0), SKIP, "no_device"),
        (PUSH, None, SKIP, "no_device"),
        (WEBSOCKET, None, ALLOW, "reachable"),
        (PUSH, Reach(2), ALLOW, "reachable"),
        (PUSH, Reach(2, suppressed=1), ALLOW, "reachable"),
        (EMAIL, Reach(1, suppressed=1, suppression_reason="bounced"), SKIP, "suppressed"),
    ],
)
def test_reach(channel: Channel, reach: Any, outcome: GateOutcome, reason: str) -> None:
    known = {} if reach is None else {channel: reach}
    decision = decide_reach(facts(reach=known), channel)
    assert (decision.outcome, decision.reason) == (outcome, reason)
    if reason == "suppressed":
        assert decision.facts["suppressionReason"] == "bounced"
