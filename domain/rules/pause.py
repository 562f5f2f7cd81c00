"""Does an operator hold the channel, or the provider that has the message, back?

Nothing passes a pause: neither priority nor a wish to send at once. Resuming wakes what waits, so
the instant named here is only a safety net.
"""

from datetime import datetime

from domain.enums import Channel
from domain.facts import PlanFacts
from domain.plan_types import Decision
from domain.rules.decisions import allow, defer
from domain.rules.reasons import Reason


def decide_pause(facts: PlanFacts, channel: Channel, at: datetime) -> Decision:
    """Defers while the hold lasts."""
    hold = facts.holds.get(channel)
    if hold is None or at >= hold.until:
        return allow(Reason.NOT_PAUSED)
    paused = hold.part.startswith("channel:")
    reason = Reason.CHANNEL_PAUSED if paused else Reason.PROVIDER_PAUSED
    return defer(reason, hold.until, {"paused": hold.part})
