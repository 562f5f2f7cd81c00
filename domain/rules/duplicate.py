"""Was an equal notification accepted before?"""

from datetime import datetime

from domain.facts import PlanFacts
from domain.plan_types import Decision
from domain.rules.decisions import allow, skip
from domain.rules.reasons import Reason


def decide_duplicate(facts: PlanFacts, _now: datetime) -> Decision:
    """Skips when the facts name the notification that this one repeats."""
    if facts.duplicate_of is None:
        return allow(Reason.NOT_DUPLICATE)
    return skip(Reason.DUPLICATE, {"duplicateOf": str(facts.duplicate_of)})
