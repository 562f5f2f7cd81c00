"""Does the channel let one more message through to this user?"""

from datetime import UTC, datetime

from domain.enums import Channel
from domain.facts import PlanFacts
from domain.plan_types import Decision
from domain.rules.decisions import allow, allow_with, bypass, defer, skip
from domain.rules.reasons import Reason
from domain.rules.rolling import read_window


def decide_throttle(facts: PlanFacts, channel: Channel, at: datetime) -> Decision:
    """Defers until the channel's window has room; skips where the throttle is zero."""
    throttle = facts.throttles.get(channel)
    if throttle is None:
        return allow(Reason.NO_THROTTLE)
    passed = bypass(facts.notification)
    if passed:
        return passed
    maximum, window = throttle
    read = {"max": maximum, "windowSeconds": window.total_seconds()}
    if maximum <= 0:
        return skip(Reason.THROTTLE_ZERO, read)
    times = sorted(use.at for use in facts.usage if use.channel is channel)
    reading = read_window(times, maximum, window, at)
    read["count"] = reading.counted
    if reading.free_at is None:
        return allow_with(Reason.WITHIN_THROTTLE, read)
    return defer(Reason.THROTTLED, reading.free_at.astimezone(UTC), read)
