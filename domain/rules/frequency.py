"""Has the user had as many messages as they want?

Overall caps count distinct notifications, whatever their channels; a category's caps count messages
of that category on that channel. Windows roll: an hour, 24 hours, 168 hours.
"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from operator import attrgetter
from typing import Any, Final, NamedTuple

from domain.digests.shapes import DIGEST_TYPE
from domain.enums import Channel, WhenExceeded
from domain.facts import PlanFacts
from domain.plan_types import Decision
from domain.preferences import Caps
from domain.rules.category import GATHERED_AT
from domain.rules.decisions import allow, allow_with, bypass, defer, digest, skip
from domain.rules.local_time import DAY, HOUR, next_daily, zone_of
from domain.rules.reasons import Reason
from domain.rules.rolling import read_window

WEEK: Final = timedelta(days=7)
OVERALL: Final = "overall"
_used_at: Final = attrgetter("at")


class Limit(NamedTuple):
    scope: str
    """`overall`, or the category."""
    name: str
    """The wire name of the cap."""
    maximum: int
    window: timedelta


def decide_frequency(facts: PlanFacts, channel: Channel, at: datetime) -> Decision:
    """Defers until every cap holds, gathers until the next 09:00 from then, or drops, as the user
    chose; skips where a cap is zero. A digest is deferred rather than gathered."""
    limits = limits_of(facts)
    if not limits:
        return allow(Reason.NO_LIMITS)
    passed = bypass(facts.notification)
    if passed:
        return passed
    times: dict[str, list[datetime]] = {}
    readings: list[dict[str, Any]] = []
    free_at = at
    for limit in limits:
        if limit.scope not in times:
            times[limit.scope] = _times(facts, limit.scope, channel)
        if limit.maximum == 0:
            return skip(Reason.FREQUENCY_ZERO, {"limits": [_seen(limit, None)]})
        reading = read_window(times[limit.scope], limit.maximum, limit.window, at)
        readings.append(_seen(limit, reading.counted))
        free_at = max(free_at, reading.free_at or at)
    if free_at == at:
        return allow_with(Reason.WITHIN_LIMITS, {"limits": readings})
    return _exceeded(facts, at, free_at.astimezone(UTC), readings)


def limits_of(facts: PlanFacts) -> list[Limit]:
    """Every cap that concerns this notification."""
    frequency = facts.preferences.frequency
    limits = [*_caps(OVERALL, frequency)]
    own = frequency.categories.get(facts.notification.category)
    if own is not None:
        limits += _caps(facts.notification.category.value, own)
    return limits


def _caps(scope: str, caps: Caps) -> Iterator[Limit]:
    if caps.max_per_hour is not None:
        yield Limit(scope, "maxPerHour", caps.max_per_hour, HOUR)
    if caps.max_per_day is not None:
        yield Limit(scope, "maxPerDay", caps.max_per_day, DAY)
    if caps.max_per_week is not None:
        yield Limit(scope, "maxPerWeek", caps.max_per_week, WEEK)


def _times(facts: PlanFacts, scope: str, channel: Channel) -> list[datetime]:
    if scope == OVERALL:
        oldest_first = sorted(facts.usage, key=_used_at)
        # By number: hashing a UUID costs more than all the rest.
        return sorted({use.notification_id.int: use.at for use in oldest_first}.values())
    category = facts.notification.category
    return sorted(
        use.at for use in facts.usage if use.category is category and use.channel is channel
    )


def _seen(limit: Limit, count: int | None) -> dict[str, Any]:
    return {"scope": limit.scope, "limit": limit.name, "max": limit.maximum, "count": count}


def _exceeded(
    facts: PlanFacts, at: datetime, free_at: datetime, readings: list[dict[str, Any]]
) -> Decision:
    choice = facts.preferences.frequency.when_exceeded
    read = {"limits": readings, "whenExceeded": choice.value, "allowedAt": free_at.isoformat()}
    if choice is WhenExceeded.DROP:
        return skip(Reason.FREQUENCY_EXCEEDED, read)
    if choice is WhenExceeded.DIGEST and facts.notification.type != DIGEST_TYPE:
        gathered_at = next_daily(at, GATHERED_AT, zone_of(facts.timezone))
        return digest(Reason.FREQUENCY_EXCEEDED, max(gathered_at, free_at), read)
    return defer(Reason.FREQUENCY_EXCEEDED, free_at, read)
