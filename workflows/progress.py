"""What a notification's workflow knows of itself, and what people see of it.

Plain values without a clock: the workflow writes them, queries and the Web UI read them.
"""

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime

from domain.enums import Channel, NotificationStatus, PlanTrigger, Strategy
from domain.messages import CancelOutcome, DeliverOutcome, Message, PlanResult

ORDINARY = "sent"
GATHERED = "gathered"
"""It waits in a digest; its life goes on there."""
TROUBLES = (DeliverOutcome.FAILED, DeliverOutcome.UNKNOWN)
SKIPS_TOLERATED = 3
"""In a row: a channel that plans call ready and deliveries skip would go round for ever."""


class NotificationState(Message):
    """The answer to the query `state`."""

    summary: str
    status: NotificationStatus | None
    """As of the last plan; the ledger knows better once a delivery has begun."""
    waiting_until: datetime | None
    waiting_for: str | None
    delivering: tuple[Channel, ...]
    held: tuple[Channel, ...]
    deliveries: dict[Channel, DeliverOutcome]
    cancelled: CancelOutcome | None
    plans: int


class NotificationOutcome(Message):
    """The workflow's result."""

    outcome: str
    """`sent` when all went well; else the one thing worth searching for."""
    deliveries: dict[Channel, DeliverOutcome]


@dataclass(slots=True)
class Progress:
    plan: PlanResult | None = None
    plans: int = 0
    trigger: PlanTrigger | None = None
    """A wish for another plan that nobody has followed yet."""
    cancelled: CancelOutcome | None = None
    engaged: bool = False
    waiting_until: datetime | None = None
    waiting_for: str | None = None
    deliveries: dict[Channel, DeliverOutcome] = field(default_factory=dict)
    broken: set[Channel] = field(default_factory=set)
    """Channels whose delivery ended in an error no retry can mend."""
    skips: Counter[Channel] = field(default_factory=Counter)
    last: DeliverOutcome | None = None

    def planned(self, plan: PlanResult, trigger: PlanTrigger) -> None:
        self.plan = plan
        self.plans += 1
        if trigger is not PlanTrigger.FALLBACK:
            self.skips.clear()

    def landed(self, channel: Channel, outcome: DeliverOutcome) -> None:
        self.deliveries[channel] = outcome
        self.last = outcome
        if outcome is DeliverOutcome.SKIPPED:
            self.skips[channel] += 1
            if self.skips[channel] >= SKIPS_TOLERATED:
                self.broken.add(channel)

    def take_trigger(self) -> PlanTrigger | None:
        trigger, self.trigger = self.trigger, None
        return trigger

    def wants_plan(self, trigger: PlanTrigger) -> None:
        """The last wish stands, save that `send_now` is not forgotten for a lesser one."""
        if self.trigger is not PlanTrigger.SEND_NOW:
            self.trigger = trigger

    @property
    def may_have_arrived(self) -> bool:
        arrived = {DeliverOutcome.SENT, DeliverOutcome.UNKNOWN}
        return not arrived.isdisjoint(self.deliveries.values())

    @property
    def answered(self) -> bool:
        """The user reacted to what was sent: nobody else needs to be disturbed."""
        return (
            self.engaged
            and self.may_have_arrived
            and self.plan is not None
            and self.plan.strategy is Strategy.ESCALATE
        )

    def reserve(self) -> tuple[Channel, ...]:
        """Channels this notification could still turn to, in order."""
        plan = self.plan
        if plan is None or plan.strategy is Strategy.ALL:
            return ()
        untried = tuple(c for c in plan.ready if c not in self.deliveries)
        return untried + plan.held

    def outcome(self) -> str:
        """One word for the whole."""
        if self.cancelled in {CancelOutcome.CANCELLED, CancelOutcome.PARTIALLY_SENT}:
            return self.cancelled.value
        endings = tuple(self.deliveries.values())
        one_is_enough = self.plan is not None and self.plan.strategy is not Strategy.ALL
        if DeliverOutcome.SENT in endings and (
            one_is_enough or not any(trouble in endings for trouble in TROUBLES)
        ):
            return ORDINARY
        for trouble in TROUBLES:
            if trouble in endings:
                return trouble.value
        if self.cancelled is not None or DeliverOutcome.CANCELLED in endings:
            return CancelOutcome.CANCELLED.value
        if self.plan is not None and self.plan.ended:
            return self.plan.status.value
        if self.plan is not None and self.plan.gathered:
            return GATHERED
        return DeliverOutcome.SKIPPED.value

    def state(self, delivering: tuple[Channel, ...]) -> NotificationState:
        plan = self.plan
        return NotificationState(
            summary=plan.summary if plan else "Not planned yet.",
            status=plan.status if plan else None,
            waiting_until=self.waiting_until,
            waiting_for=self.waiting_for,
            delivering=delivering,
            held=plan.held if plan else (),
            deliveries=dict(self.deliveries),
            cancelled=self.cancelled,
            plans=self.plans,
        )

    def details(self, delivering: tuple[Channel, ...]) -> str:
        """The same as markdown, for the Web UI."""
        state = self.state(delivering)
        lines = [f"**{state.summary}**", ""]
        if state.waiting_until is not None:
            until = state.waiting_until.isoformat(timespec="seconds")
            lines.append(f"- waiting until `{until}`: {state.waiting_for}")
        lines += [f"- {channel}: delivering" for channel in delivering]
        lines += [f"- {channel}: {outcome}" for channel, outcome in state.deliveries.items()]
        lines += [f"- {channel}: in reserve" for channel in state.held]
        if state.cancelled is not None:
            lines.append(f"- asked to cancel: {state.cancelled}")
        return "\n".join(lines)
