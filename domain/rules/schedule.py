"""Has the sending time that was asked for come?"""

from datetime import UTC, datetime

from domain.facts import PlanFacts
from domain.plan_types import Decision
from domain.rules.decisions import allow, allow_with, defer
from domain.rules.reasons import Reason


def decide_schedule(facts: PlanFacts, now: datetime) -> Decision:
    """Defers the whole notification to `scheduled_at`, unless it is to be sent now."""
    scheduled_at = facts.notification.scheduled_at
    if scheduled_at is None:
        return allow(Reason.NOT_SCHEDULED)
    read = {"scheduledAt": scheduled_at.isoformat()}
    if scheduled_at <= now:
        return allow_with(Reason.SCHEDULE_REACHED, read)
    if facts.notification.send_now:
        return allow_with(Reason.SEND_NOW_BYPASS, read)
    return defer(Reason.SCHEDULED, scheduled_at.astimezone(UTC), read)
