"""Has the phone number had as many messages as one number may have, whoever they were for?"""

from datetime import datetime

from domain.enums import Channel
from domain.facts import PlanFacts
from domain.plan_types import Decision
from domain.rules.decisions import allow, defer
from domain.rules.reasons import Reason


def decide_number_limit(facts: PlanFacts, channel: Channel, at: datetime) -> Decision:
    """Defers an SMS until the number may have another one."""
    free_at = facts.number_free_at
    if channel is not Channel.SMS or free_at is None or at >= free_at:
        return allow(Reason.WITHIN_NUMBER_LIMIT)
    return defer(Reason.NUMBER_LIMIT, free_at, {"freeAt": free_at.isoformat()})
