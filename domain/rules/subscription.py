"""Is the user subscribed to this type on this channel? An opt-out is final for every priority."""

from domain.enums import Channel
from domain.facts import PlanFacts
from domain.plan_types import Decision
from domain.rules.decisions import allow, allow_with, skip
from domain.rules.reasons import Reason


def decide_subscription(facts: PlanFacts, channel: Channel) -> Decision:
    """Skips an unsubscribed type, and channels outside an explicit subscription."""
    subscribed = facts.subscription
    if subscribed is None:
        return allow(Reason.SUBSCRIPTION_NOT_CHOSEN)
    read = {"type": facts.notification.type, "channels": sorted(c.value for c in subscribed)}
    if not subscribed:
        return skip(Reason.UNSUBSCRIBED, read)
    if channel not in subscribed:
        return skip(Reason.CHANNEL_NOT_SUBSCRIBED, read)
    return allow_with(Reason.SUBSCRIBED, read)
