"""What the rules answer with: decisions, their trace, and the plan made of them."""

from datetime import datetime
from typing import Any, NamedTuple

from pydantic import Field

from domain.base import Wire
from domain.enums import Channel, GateOutcome, PlanOutcome


class Decision(NamedTuple):
    """One gate's answer. `facts` holds what it read, JSON-ready and free of addresses.

    A plan makes dozens of these; a tuple costs a quarter of a model, and none crosses a boundary.
    """

    outcome: GateOutcome
    reason: str
    until: datetime | None
    facts: dict[str, Any]


class GateTrace(Wire):
    """A decision with the gate's name, and the channel it was asked for (None: all)."""

    gate: str
    channel: Channel | None
    outcome: GateOutcome
    reason: str
    until: datetime | None = None
    facts: dict[str, Any] = Field(default_factory=dict)


class ChannelPlan(Wire):
    """The sum of the gates for one channel. `until` is set exactly when deferred or digested."""

    channel: Channel
    outcome: GateOutcome
    reason: str
    until: datetime | None = None


class Plan(Wire):
    """A whole plan. `channels` keeps the notification's order; `until` is the next instant at
    which something is to be looked at again, set exactly when the outcome is `wait`."""

    outcome: PlanOutcome
    reason: str
    until: datetime | None = None
    channels: tuple[ChannelPlan, ...] = ()
    gates: tuple[GateTrace, ...] = ()

    def ready(self) -> tuple[Channel, ...]:
        """Channels that may be delivered now."""
        return tuple(c.channel for c in self.channels if c.outcome is GateOutcome.ALLOW)
