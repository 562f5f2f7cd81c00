"""How gates put their answers, and how answers become traces.

Answers without facts are built once and shared: a plan mostly says that nothing stands in the way.
"""

from datetime import datetime
from functools import cache
from typing import Any

from domain.enums import Channel, GateOutcome, Priority
from domain.facts import NotificationFacts
from domain.plan_types import Decision, GateTrace
from domain.rules.reasons import Reason


@cache
def allow(reason: Reason) -> Decision:
    return Decision(GateOutcome.ALLOW, reason, None, {})


def allow_with(reason: Reason, facts: dict[str, Any]) -> Decision:
    return Decision(GateOutcome.ALLOW, reason, None, facts)


def skip(reason: Reason, facts: dict[str, Any] | None = None) -> Decision:
    return Decision(GateOutcome.SKIP, reason, None, facts or {})


def defer(reason: Reason, until: datetime, facts: dict[str, Any]) -> Decision:
    return Decision(GateOutcome.DEFER, reason, until, facts)


def digest(reason: Reason, until: datetime, facts: dict[str, Any]) -> Decision:
    return Decision(GateOutcome.DIGEST, reason, until, facts)


def hold(reason: Reason, facts: dict[str, Any]) -> Decision:
    return Decision(GateOutcome.HOLD, reason, None, facts)


def bypass(notification: NotificationFacts) -> Decision | None:
    """What lets a notification past quiet hours, gathering, limits and throttles; never past an
    opt-out, a consent, a suppression or the law, whose gates do not ask."""
    if notification.priority is Priority.CRITICAL:
        return allow(Reason.CRITICAL_BYPASS)
    if notification.send_now:
        return allow(Reason.SEND_NOW_BYPASS)
    return None


def trace(
    gate: str, channel: Channel | None, decision: Decision, at: datetime | None = None
) -> GateTrace:
    """The decision under its gate's name. `at` is given when the gate was asked for a later
    instant than that of the plan, and is then among the facts."""
    if at is None and not decision.facts and decision.outcome is GateOutcome.ALLOW:
        return _plain_trace(gate, channel, decision.reason)
    facts = decision.facts if at is None else {**decision.facts, "at": at.isoformat()}
    return GateTrace(
        gate=gate,
        channel=channel,
        outcome=decision.outcome,
        reason=decision.reason,
        until=decision.until,
        facts=facts,
    )


@cache
def _plain_trace(gate: str, channel: Channel | None, reason: str) -> GateTrace:
    return GateTrace(gate=gate, channel=channel, outcome=GateOutcome.ALLOW, reason=reason)
