"""Does an operator hold the channel, the provider that has the message, or its campaign back?

Nothing passes a pause: neither priority nor a wish to send at once. Resuming wakes what waits, so
the instant named here is only a safety net.
"""

from datetime import datetime
from typing import Final

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
    reason = _REASONS[hold.part.partition(":")[0]]
    return defer(reason, hold.until, {"paused": hold.part})


_REASONS: Final = {
    "campaign": Reason.CAMPAIGN_PAUSED,
    "channel": Reason.CHANNEL_PAUSED,
    "provider": Reason.PROVIDER_PAUSED,
}
