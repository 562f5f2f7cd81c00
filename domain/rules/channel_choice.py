"""Which of the channels that may be used are used?

`all` uses each on its own. `fallback` and `escalate` use the first, even when it has to wait, and
hold the others in reserve.
"""

from domain.enums import Channel, Strategy
from domain.facts import PlanFacts
from domain.plan_types import Decision
from domain.rules.decisions import allow, hold
from domain.rules.reasons import Reason


def decide_channel_choice(facts: PlanFacts, channel: Channel, first: Channel) -> Decision:
    """`first` is the first channel, in the order asked for, that no gate skipped."""
    strategy = facts.notification.strategy
    if strategy is Strategy.ALL:
        return allow(Reason.EVERY_CHANNEL)
    if channel is first:
        return allow(Reason.FIRST_CHOICE)
    reason = (
        Reason.HELD_FOR_FALLBACK if strategy is Strategy.FALLBACK else Reason.HELD_FOR_ESCALATION
    )
    return hold(reason, {"strategy": strategy.value, "first": first.value})
