"""Does the law of the destination country let an SMS go at this time?

Legally transactional types may go at any time; critical priority and "send now" change nothing.
"""

from datetime import datetime
from typing import Any

from domain.enums import Channel
from domain.facts import PlanFacts
from domain.plan_types import Decision
from domain.rules.decisions import allow, allow_with, defer
from domain.rules.local_time import clock, zone_of
from domain.rules.reasons import Reason
from domain.rules.sms_windows import sms_window


def decide_compliance(facts: PlanFacts, channel: Channel, at: datetime) -> Decision:
    """Defers an SMS to the opening of its destination country's sending window."""
    if channel is not Channel.SMS:
        return allow(Reason.NOT_SMS)
    if facts.notification.legally_transactional:
        return allow(Reason.LEGALLY_TRANSACTIONAL)
    reach = facts.reach.get(channel)
    country = reach.destination_country if reach else None
    window = sms_window(country)
    if window is None:
        return allow_with(Reason.NO_SMS_WINDOW, {"country": country})
    zones = window.zones_for(facts.timezone)
    read: dict[str, Any] = {
        "country": country,
        "opens": clock(window.opens),
        "closes": clock(window.closes),
        "localTimes": {name: clock(at.astimezone(zone_of(name))) for name in zones},
        "source": window.source,
    }
    opens_at = window.next_open(at, zones)
    if opens_at > at:
        return defer(Reason.SMS_WINDOW_CLOSED, opens_at, read)
    return allow_with(Reason.SMS_WINDOW_OPEN, read)
