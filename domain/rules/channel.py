"""Is the channel switched on? On SMS "never chosen" is left to the consent gate."""

from domain.enums import Channel
from domain.facts import PlanFacts
from domain.plan_types import Decision
from domain.rules.decisions import allow, skip
from domain.rules.reasons import Reason


def decide_channel(facts: PlanFacts, channel: Channel) -> Decision:
    """Skips a channel the user switched off."""
    enabled = facts.preferences.channels[channel].enabled
    if enabled is False:
        return skip(Reason.CHANNEL_DISABLED, {"enabled": False})
    return allow(Reason.CHANNEL_NOT_CHOSEN if enabled is None else Reason.CHANNEL_ENABLED)
