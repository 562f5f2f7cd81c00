"""Is the notification still of use?"""

from datetime import datetime

from domain.facts import PlanFacts
from domain.plan_types import Decision
from domain.rules.decisions import allow, allow_with, skip
from domain.rules.reasons import Reason


def decide_expiry(facts: PlanFacts, now: datetime) -> Decision:
    """Skips from `expires_at` on."""
    expires_at = facts.notification.expires_at
    if expires_at is None:
        return allow(Reason.NO_EXPIRY)
    read = {"expiresAt": expires_at.isoformat()}
    if expires_at <= now:
        return skip(Reason.EXPIRED, read)
    return allow_with(Reason.NOT_EXPIRED, read)


def decide_expiry_before(facts: PlanFacts, allowed_at: datetime) -> Decision | None:
    """Skips what would expire before, or at, the instant at which it may go; None otherwise."""
    expires_at = facts.notification.expires_at
    if expires_at is None or allowed_at < expires_at:
        return None
    return skip(
        Reason.EXPIRES_BEFORE_ALLOWED,
        {"expiresAt": expires_at.isoformat(), "allowedAt": allowed_at.isoformat()},
    )
