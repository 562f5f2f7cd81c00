"""From facts and an instant to a plan: which channels may go, which wait until when, and why.

The same facts and instant always give the same plan. Gates are asked in a fixed order:

1. for the notification: expiry, schedule, duplicate; the first that does not allow decides alone,
   and the rest is asked when the schedule is due;
2. for each channel, gates whose answer no waiting changes: consent, subscription, category,
   channel, reach; the first skip ends the channel;
3. for each channel, gates whose answer depends on the time, each asked for the earliest instant
   that the ones before it allow, round after round until all of them hold at one instant. So an
   instant that is waited for lies outside quiet hours and inside the sending window, with room
   under every limit. A gate that names an instant holds at that instant;
4. channel choice.

`recommendation_context` and `optimal_time` have their place at the end of `TIMED_GATES`, after the
throttle and before channel choice: a gate that moves the instant is then held to the quiet hours
and limits by the next round.

With strategy `all` a plan that delivers on some channels may have others that wait: its own `until`
is then None, and those of its `channels` say when each is due.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from domain.enums import Channel, GateOutcome, PlanOutcome
from domain.facts import PlanFacts
from domain.plan_types import ChannelPlan, Decision, GateTrace, Plan
from domain.rules.category import decide_category, decide_category_delivery
from domain.rules.channel import decide_channel
from domain.rules.channel_choice import decide_channel_choice
from domain.rules.compliance import decide_compliance
from domain.rules.consent import decide_consent
from domain.rules.decisions import skip, trace
from domain.rules.duplicate import decide_duplicate
from domain.rules.expiry import decide_expiry, decide_expiry_before
from domain.rules.frequency import decide_frequency
from domain.rules.number_limit import decide_number_limit
from domain.rules.pause import decide_pause
from domain.rules.quiet_hours import decide_quiet_hours
from domain.rules.reach import decide_reach
from domain.rules.reasons import Reason
from domain.rules.schedule import decide_schedule
from domain.rules.subscription import decide_subscription
from domain.rules.throttle import decide_throttle

WholeGate = Callable[[PlanFacts, datetime], Decision]
StandingGate = Callable[[PlanFacts, Channel], Decision]
TimedGate = Callable[[PlanFacts, Channel, datetime], Decision]

WHOLE_GATES: Final[tuple[tuple[str, WholeGate], ...]] = (
    ("expiry", decide_expiry),
    ("schedule", decide_schedule),
    ("duplicate", decide_duplicate),
)
STANDING_GATES: Final[tuple[tuple[str, StandingGate], ...]] = (
    ("consent", decide_consent),
    ("subscription", decide_subscription),
    ("category", decide_category),
    ("channel", decide_channel),
    ("reach", decide_reach),
)
TIMED_GATES: Final[tuple[tuple[str, TimedGate], ...]] = (
    ("category_delivery", decide_category_delivery),
    ("compliance", decide_compliance),
    ("quiet_hours", decide_quiet_hours),
    ("frequency", decide_frequency),
    ("throttle", decide_throttle),
    ("number_limit", decide_number_limit),
    ("pause", decide_pause),
)
MAX_ROUNDS: Final = 64
"""Rules that never all hold at once, such as a sending window inside the quiet hours, alternate
for ever; so many rounds are more than a month of that."""


def make_plan(facts: PlanFacts, now: datetime) -> Plan:
    """The plan at `now` (aware). Every instant in it is in UTC."""
    now = now.astimezone(UTC)
    gates: list[GateTrace] = []
    for name, gate in WHOLE_GATES:
        decision = gate(facts, now)
        gates.append(trace(name, None, decision))
        if decision.outcome is not GateOutcome.ALLOW:
            return _whole(facts, decision, gates)
    channels = [
        _plan_channel(facts, channel, now, gates) for channel in facts.notification.channels
    ]
    return _sum_up(_choose(facts, channels, gates), gates)


def _whole(facts: PlanFacts, decision: Decision, gates: list[GateTrace]) -> Plan:
    """One decision for the notification and for each of its channels."""
    if decision.until is not None:
        ends_first = decide_expiry_before(facts, decision.until)
        if ends_first is not None:
            gates.append(trace("expiry", None, ends_first))
            decision = ends_first
    channels = [_channel_plan(channel, decision) for channel in facts.notification.channels]
    return Plan(
        outcome=PlanOutcome.WAIT if decision.until else _ending(decision.reason),
        reason=decision.reason,
        until=decision.until,
        channels=tuple(channels),
        gates=tuple(gates),
    )


def _plan_channel(
    facts: PlanFacts, channel: Channel, now: datetime, gates: list[GateTrace]
) -> ChannelPlan:
    for name, gate in STANDING_GATES:
        decision = gate(facts, channel)
        gates.append(trace(name, channel, decision))
        if decision.outcome is GateOutcome.SKIP:
            return _channel_plan(channel, decision)
    return _Timing(facts, channel, now, gates).settle()


@dataclass(slots=True)
class _Timing:
    """The search for the first instant at which every timed gate holds."""

    facts: PlanFacts
    channel: Channel
    now: datetime
    gates: list[GateTrace]
    outcome: GateOutcome = GateOutcome.ALLOW
    reason: str = Reason.READY

    def settle(self) -> ChannelPlan:
        """Asks the gates in turn, again and again, until all of them hold at one instant. Notes
        every answer of the first round, and later those that move the instant."""
        at = self.now
        holding = 0
        seen: list[GateTrace] = []
        for asked in range(MAX_ROUNDS * len(TIMED_GATES)):
            name, gate = TIMED_GATES[asked % len(TIMED_GATES)]
            decision = gate(self.facts, self.channel, at)
            if asked < len(TIMED_GATES) or decision.outcome is not GateOutcome.ALLOW:
                seen.append(trace(name, self.channel, decision, None if at is self.now else at))
            if decision.outcome is GateOutcome.SKIP:
                self.gates += seen
                return _channel_plan(self.channel, decision)
            holding += 1
            if decision.until is not None:
                at = decision.until
                self._moved_by(decision)
                holding = 1
            if holding == len(TIMED_GATES):
                self.gates += seen
                return self._settled(at)
        self.gates += seen[: len(TIMED_GATES)]
        return self._refuse("channel_choice", skip(Reason.NO_ALLOWED_TIME))

    def _moved_by(self, decision: Decision) -> None:
        """The gate that set the instant gives the reason; gathering, once said, stays said."""
        self.reason = decision.reason
        if self.outcome is not GateOutcome.DIGEST:
            self.outcome = decision.outcome

    def _settled(self, at: datetime) -> ChannelPlan:
        if self.outcome is GateOutcome.ALLOW:
            return ChannelPlan(channel=self.channel, outcome=self.outcome, reason=self.reason)
        ends_first = decide_expiry_before(self.facts, at)
        if ends_first is not None:
            return self._refuse("expiry", ends_first)
        return ChannelPlan(channel=self.channel, outcome=self.outcome, reason=self.reason, until=at)

    def _refuse(self, gate: str, decision: Decision) -> ChannelPlan:
        self.gates.append(trace(gate, self.channel, decision))
        return _channel_plan(self.channel, decision)


def _choose(
    facts: PlanFacts, channels: list[ChannelPlan], gates: list[GateTrace]
) -> tuple[ChannelPlan, ...]:
    usable = [plan.channel for plan in channels if plan.outcome is not GateOutcome.SKIP]
    chosen = []
    for plan in channels:
        if plan.outcome is GateOutcome.SKIP:
            chosen.append(plan)
            continue
        decision = decide_channel_choice(facts, plan.channel, usable[0])
        gates.append(trace("channel_choice", plan.channel, decision))
        held = decision.outcome is GateOutcome.HOLD
        chosen.append(_channel_plan(plan.channel, decision) if held else plan)
    return tuple(chosen)


def _sum_up(channels: tuple[ChannelPlan, ...], gates: list[GateTrace]) -> Plan:
    trail = tuple(gates)
    if any(plan.outcome is GateOutcome.ALLOW for plan in channels):
        return Plan(
            outcome=PlanOutcome.DELIVER, reason=Reason.READY, channels=channels, gates=trail
        )
    waiting = [(plan.until, plan.reason) for plan in channels if plan.until is not None]
    if waiting:
        until, reason = min(waiting, key=lambda wait: wait[0])
        return Plan(
            outcome=PlanOutcome.WAIT, reason=reason, until=until, channels=channels, gates=trail
        )
    reasons = [plan.reason for plan in channels] or [Reason.NO_CHANNELS]
    expires = Reason.EXPIRES_BEFORE_ALLOWED
    reason = expires if expires in reasons else reasons[0]
    return Plan(outcome=_ending(reason), reason=reason, channels=channels, gates=trail)


def _ending(reason: str) -> PlanOutcome:
    """What would have been delivered but for its expiry has expired; the rest is skipped."""
    expired = reason in {Reason.EXPIRED, Reason.EXPIRES_BEFORE_ALLOWED}
    return PlanOutcome.EXPIRE if expired else PlanOutcome.SKIP


def _channel_plan(channel: Channel, decision: Decision) -> ChannelPlan:
    return ChannelPlan(
        channel=channel, outcome=decision.outcome, reason=decision.reason, until=decision.until
    )
