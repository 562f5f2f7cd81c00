"""Is there an address or device that may be used? In-app always reaches: the inbox is stored."""

from domain.enums import Channel
from domain.facts import PlanFacts
from domain.plan_types import Decision
from domain.rules.decisions import allow, allow_with, skip
from domain.rules.reasons import Reason


def decide_reach(facts: PlanFacts, channel: Channel) -> Decision:
    """Skips without an address or device, and when all of them are suppressed."""
    if channel is Channel.WEBSOCKET:
        return allow(Reason.REACHABLE)
    reach = facts.reach.get(channel)
    if reach is None or reach.targets <= 0:
        return skip(Reason.NO_DEVICE if channel is Channel.PUSH else Reason.NO_ADDRESS)
    read = {"targets": reach.targets, "suppressed": reach.suppressed}
    if reach.suppressed >= reach.targets:
        return skip(Reason.SUPPRESSED, {**read, "suppressionReason": reach.suppression_reason})
    return allow_with(Reason.REACHABLE, read)
