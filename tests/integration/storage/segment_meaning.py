"""What a segment means, said a second time: an evaluator of the wire JSON in plain Python, which
shares no code with what it judges."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.integration.storage.people import EVENTS, Person

MISSING = object()


def matches(person: Person, segment: dict[str, Any], now: datetime) -> bool:
    if "all" in segment:
        return all(matches(person, part, now) for part in segment["all"])
    if "any" in segment:
        return any(matches(person, part, now) for part in segment["any"])
    if "not" in segment:
        return not matches(person, segment["not"], now)
    op, value = segment["op"], segment.get("value")
    if op == "exists":
        return chosen(person, segment["field"]) == (value is not False)
    held = held_by(person, segment, now)
    if op in {"ne", "notIn"}:
        return not compare(segment["field"], {"ne": "eq", "notIn": "in"}[op], held, value, now)
    return compare(segment["field"], op, held, value, now)


def chosen(person: Person, name: str) -> bool:
    first, *rest = name.split(".")
    settings = person.preferences or {}
    if first == "preferences" and rest[0] == "channels":
        return settings.get("channels", {}).get(rest[1], {}).get("enabled") is not None
    if first == "preferences" and rest[0] == "categories":
        return rest[1] in settings.get("categories", {})
    if first == "devices":
        return bool(person.devices)
    held = held_by(person, {"field": name}, datetime.now(UTC))
    return held is not MISSING and held is not None


def held_by(person: Person, condition: dict[str, Any], now: datetime) -> Any:
    first, *rest = condition["field"].split(".")
    match first:
        case "attributes":
            return attribute(person.attributes, rest)
        case "preferences":
            return preference(person, rest)
        case "subscriptions":
            return subscription(person.subscriptions.get(rest[0]), rest[1:])
        case "consents":
            return person.consents.get(rest[0], MISSING)
        case "devices":
            return len(person.devices) if rest == ["count"] else person.devices
        case "engagement":
            return engagement(person, rest[0], condition.get("days"), now)
    plain = {
        "id": person.id, "createdAt": person.created_at,
        "emailVerified": person.profile["email_verified"],
        "hasEmail": person.profile["email"] is not None,
        "hasPhone": person.profile["phone"] is not None,
    }  # fmt: skip
    found = plain[first] if first in plain else person.profile[first]
    return MISSING if found is None else found


def attribute(place: Any, path: list[str]) -> Any:
    for part in path:
        if not isinstance(place, dict) or part not in place:
            return MISSING
        place = place[part]
    return place


def preference(person: Person, rest: list[str]) -> Any:
    settings = person.preferences or {}
    if rest == ["language"]:
        return settings.get("language") or MISSING
    if rest[0] == "channels":
        enabled = settings.get("channels", {}).get(rest[1], {}).get("enabled")
        if enabled is not None:
            return enabled
        return rest[1] != "sms" or person.consents.get("sms", False)
    default = {"enabled": True, "delivery": "immediate"}
    return settings.get("categories", {}).get(rest[1], default)[rest[2]]


def subscription(channels: list[str] | None, rest: list[str]) -> str:
    if channels is None:
        return "never_chosen"
    wanted = rest[0] in channels if rest else bool(channels)
    return "subscribed" if wanted else "unsubscribed"


def engagement(person: Person, what: str, days: int | None, now: datetime) -> Any:
    heard = person.events + [one for email in person.campaigns for one in email.items()]
    if what == "lastAt":
        return max((at for kind, at in heard if kind in EVENTS), default=MISSING)
    since = now - timedelta(days=days) if days else datetime.min.replace(tzinfo=UTC)
    return sum(kind == what and at >= since for kind, at in heard)


def compare(name: str, op: str, held: Any, value: Any, now: datetime) -> bool:
    if held is MISSING:
        return False
    if name == "country":
        value = [v.upper() for v in value] if isinstance(value, list) else value.upper()
    if name == "locale":
        value = [v.replace("_", "-") for v in value] if op == "in" else value.replace("_", "-")
    if name == "devices.platform":
        return any(same(item, value if op == "eq" else None, value, op) for item in held)
    match op:
        case "eq" | "in":
            return same(held, value, value, op)
        case "contains":
            return contains(held, value)
        case "startsWith":
            return isinstance(held, str) and held.startswith(value)
        case "before" | "after" | "withinDays":
            return at_the_time(instant(held), op, value, now)
    if not number(held):
        return False
    return bool({"gt": held > value, "gte": held >= value, "lt": held < value,
                 "lte": held <= value}[op])  # fmt: skip


def number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def equal(one: Any, other: Any) -> bool:
    """JSON's equality: `true` is not 1, and 1 is 1.0."""
    return one == other and isinstance(one, bool) == isinstance(other, bool)


def same(held: Any, single: Any, several: Any, op: str) -> bool:
    return any(equal(held, v) for v in several) if op == "in" else equal(held, single)


def contains(held: Any, value: Any) -> bool:
    if isinstance(held, list):
        return any(equal(item, value) for item in held)
    return isinstance(held, str) and isinstance(value, str) and value in held


_TIMED = re.compile(r"\d{4}-\d\d-\d\d([Tt ]\d\d:\d\d(:\d\d(\.\d{1,6})?)?([Zz]|[+-]\d\d:\d\d)?)?")


def instant(held: Any) -> datetime | None:
    if isinstance(held, datetime):
        return held
    if not isinstance(held, str) or not _TIMED.fullmatch(held):
        return None
    try:
        found = datetime.fromisoformat(held.upper())
    except ValueError:
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def at_the_time(held: datetime | None, op: str, value: Any, now: datetime) -> bool:
    if held is None:
        return False
    if op == "withinDays":
        return now - timedelta(days=value) <= held <= now
    other = datetime.fromisoformat(value)
    return held < other if op == "before" else held > other
