"""What a segment means, said a second time: people as plain data, an evaluator over the wire JSON,
and strategies for people and segments. Shares no code with what it judges."""

import re
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

from hypothesis import strategies as st

TYPES = ("job_alert", "newsletter", "digest")
CHANNELS = ("email", "sms", "push", "websocket")
CATEGORIES = ("jobs", "marketing")
CONSENTS = ("marketing", "sms")
EVENTS = ("opened", "clicked", "read")
PLATFORMS = ("web", "ios", "android")
DATES = ("2026-02-31", "2026-01-05", "2026-01-05T10:00:00Z", "2026-01-05T10:00:00.25+05:30",
         "2026-01-05 10:00", "tomorrow", "now", "infinity", "2026-01-05T24:00", "0000-01-01",
         "2026-1-5", "20260105", "2026-01-05T10:00:00+14:59")  # fmt: skip
INSTANTS = ("2026-01-05T00:00:00Z", "2026-01-05T10:00:00+00:00", "2026-01-05T04:30:00Z",
            "1999-12-31T23:59:59-08:00", "2027-06-01T00:00:00Z")  # fmt: skip
SCALARS = (0, 1, 2, -3, 1.0, 2.5, True, False, "1", "true", "candidate", "Candidate", "can", "",
           "x' or '1'='1", "%", "_", "ä", *DATES)  # fmt: skip
COMMON = (1, 2.5, "candidate", "2026-01-05")
ATTRIBUTES = ("role", "level", "tags", "seen", "address.city", "address.deep.er", "tags.0",
              "O'Hare", '"; drop table users; --', "$1", "a b")  # fmt: skip
MISSING = object()


@dataclass
class Person:
    """A user and everything a segment may ask of one; what is None was never chosen."""

    id: str
    created_at: datetime
    profile: dict[str, Any] = field(default_factory=dict)
    attributes: dict[str, Any] = field(default_factory=dict)
    preferences: dict[str, Any] | None = None
    subscriptions: dict[str, list[str]] = field(default_factory=dict)
    consents: dict[str, bool] = field(default_factory=dict)
    devices: list[str] = field(default_factory=list)
    events: list[tuple[str, datetime]] = field(default_factory=list)


def some_person(number: int, now: datetime, dice: Random) -> Person:
    def maybe(value: Any, chance: float = 0.6) -> Any:
        return value if dice.random() < chance else None

    def scalar() -> Any:
        return dice.choice(SCALARS)

    attributes: dict[str, Any] = {}
    for path in ATTRIBUTES:
        if path != "tags.0" and dice.random() < 0.5:  # an array has no names
            place, (*parents, leaf) = attributes, path.split(".")
            for parent in parents:
                inner = place.get(parent)
                if not isinstance(inner, dict):
                    inner = place[parent] = {}
                place = inner
            place[leaf] = dice.choice(
                [
                    *COMMON,
                    scalar(),
                    scalar(),
                    scalar(),
                    None,
                    [scalar(), 1],
                    [1, "can"],
                    ["candidate", 1],
                    [scalar()],
                    [],
                    [[1]],
                    {"k": 1},
                ]
            )
    return Person(
        id=dice.choice(["user", "U", "ada.l"]) + f"-{number}",
        created_at=now - timedelta(days=dice.choice([0, 1, 7, 29, 31, 400]), seconds=5),
        profile={
            "locale": maybe(dice.choice(["de", "pt-BR", "en-GB"])),
            "timezone": maybe(dice.choice(["Europe/Berlin", "UTC", "Africa/Lagos"])),
            "country": maybe(dice.choice(["DE", "BR"])),
            "email": maybe(f"p{number}@example.com"),
            "phone": maybe("+4915112345678", 0.3),
            "email_verified": dice.random() < 0.5,
        },
        attributes=attributes,
        preferences=maybe(
            {
                "language": maybe(dice.choice(["de", "en"])),
                "channels": {
                    name: {"enabled": dice.choice([None, True, False])} for name in CHANNELS
                },
                "categories": {
                    name: {
                        "enabled": dice.random() < 0.5,
                        "delivery": dice.choice(["immediate", "daily"]),
                    }
                    for name in CATEGORIES
                    if dice.random() < 0.6
                },
            }
        ),
        subscriptions={
            name: dice.sample(CHANNELS, dice.randint(0, 3)) for name in TYPES if dice.random() < 0.5
        },
        consents={name: dice.random() < 0.5 for name in CONSENTS if dice.random() < 0.6},
        devices=[dice.choice(PLATFORMS) for _ in range(dice.choice([0, 0, 1, 2, 3]))],
        events=[
            (
                dice.choice([*EVENTS, "dismissed"]),
                now - timedelta(days=dice.choice([0, 1, 6, 8, 20]), seconds=9),
            )
            for _ in range(dice.choice([0, 0, 1, 4]))
        ],
    )


# The meaning


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
    if what == "lastAt":
        return max((at for kind, at in person.events if kind in EVENTS), default=MISSING)
    since = now - timedelta(days=days) if days else datetime.min.replace(tzinfo=UTC)
    return sum(kind == what and at >= since for kind, at in person.events)


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


# Segments


def _condition(name: str, ops: dict[str, st.SearchStrategy[Any]], days: bool = False) -> Any:
    def made(op: str) -> Any:
        parts: dict[str, Any] = {"field": st.just(name), "op": st.just(op), "value": ops[op]}
        if days:
            return st.fixed_dictionaries(parts, optional={"days": st.sampled_from([1, 7, 30])})
        return st.fixed_dictionaries(parts)

    return st.sampled_from(sorted(ops)).flatmap(made)


def _equality(values: st.SearchStrategy[Any]) -> dict[str, st.SearchStrategy[Any]]:
    several = st.lists(values, min_size=1, max_size=3)
    return {"eq": values, "ne": values, "in": several, "notIn": several}


_EXISTS = {"exists": st.sampled_from([True, False])}
_TIMES = {
    "before": st.sampled_from(INSTANTS), "after": st.sampled_from(INSTANTS),
    "withinDays": st.sampled_from([1, 7, 30, 365]),
}  # fmt: skip


def _text(*values: str) -> dict[str, st.SearchStrategy[Any]]:
    known = st.sampled_from(values)
    return _equality(known) | _EXISTS | {"contains": known, "startsWith": known}


def _order(values: st.SearchStrategy[Any]) -> dict[str, st.SearchStrategy[Any]]:
    return dict.fromkeys(("gt", "gte", "lt", "lte"), values)


_FLAG = {"eq": st.booleans(), "ne": st.booleans()}
_STATES = _equality(st.sampled_from(["subscribed", "unsubscribed", "never_chosen"]))
_COUNTS = _equality(st.integers(0, 4)) | _order(st.integers(0, 4))
_WORDS = st.sampled_from([word for word in SCALARS if isinstance(word, str) and word])
_NUMBERS = st.sampled_from([0, 1, 2.5, -3, 1.0, 10**12])
_OPEN = (
    _equality(st.sampled_from(SCALARS)) | _order(_NUMBERS) | _EXISTS | _TIMES
    | {"contains": _WORDS | st.sampled_from([1, True, 2.5]), "startsWith": _WORDS}
)  # fmt: skip
CONDITIONS = st.one_of(
    _condition("id", _text("user-1", "U-2", "ada.l", "%", "user'--")),
    _condition("locale", _text("de", "pt-BR", "en")),
    _condition("timezone", _text("Europe/", "UTC", "Europe/Berlin")),
    _condition("country", _text("de", "DE", "BR", "B")),
    *(_condition(name, _FLAG) for name in ("emailVerified", "hasEmail", "hasPhone")),
    _condition("createdAt", _TIMES | _EXISTS),
    *(_condition(f"attributes.{path}", _OPEN) for path in ATTRIBUTES),
    _condition("preferences.language", _text("de", "en", "e")),
    *(_condition(f"preferences.channels.{c}.enabled", _FLAG | _EXISTS) for c in CHANNELS),
    *(_condition(f"preferences.categories.{c}.enabled", _FLAG | _EXISTS) for c in CATEGORIES),
    *(
        _condition(
            f"preferences.categories.{c}.delivery",
            _equality(st.sampled_from(["immediate", "daily", "weekly"])) | _EXISTS,
        )
        for c in CATEGORIES
    ),
    *(_condition(f"subscriptions.{name}", _STATES) for name in (*TYPES, "nobody_has_this")),
    *(_condition(f"subscriptions.{TYPES[0]}.{c}", _STATES) for c in CHANNELS),
    *(_condition(f"consents.{name}", _FLAG | _EXISTS) for name in CONSENTS),
    _condition("devices.count", _COUNTS),
    _condition("devices.platform", _equality(st.sampled_from(PLATFORMS)) | _EXISTS),
    *(_condition(f"engagement.{event}.count", _COUNTS, days=True) for event in EVENTS),
    _condition("engagement.lastAt", _TIMES | _EXISTS),
)
SEGMENTS = st.recursive(
    CONDITIONS,
    lambda inner: st.one_of(
        st.lists(inner, min_size=1, max_size=4).map(lambda parts: {"all": parts}),
        st.lists(inner, min_size=1, max_size=4).map(lambda parts: {"any": parts}),
        inner.map(lambda part: {"not": part}),
    ),
    max_leaves=8,
).filter(lambda segment: levels(segment) <= 10)


def levels(segment: dict[str, Any]) -> int:
    inner = (
        segment.get("all") or segment.get("any") or [segment[k] for k in ("not",) if k in segment]
    )
    return 1 + max((levels(part) for part in inner), default=0)


def _one(name: str, op: str, value: Any = True, **more: Any) -> dict[str, Any]:
    return {"field": name, "op": op, "value": value, **more}


ONE_BY_ONE = (
    _one("id", "startsWith", "U-"), _one("locale", "in", ["de", "pt_BR"]),
    _one("timezone", "contains", "rope"), _one("country", "eq", "de"),
    _one("emailVerified", "eq"), _one("hasEmail", "eq"), _one("hasPhone", "eq"),
    _one("createdAt", "withinDays", 7), _one("createdAt", "before", "2026-06-01T00:00:00Z"),
    _one("attributes.role", "exists"), _one("attributes.role", "in", [1, True, "", "1"]),
    _one("attributes.address.deep.er", "exists"), _one("attributes.level", "gt", 0),
    _one("attributes.tags", "contains", 1), _one("attributes.level", "startsWith", "20"),
    _one("attributes.seen", "before", "2026-01-05T10:00:00Z"),
    _one("preferences.language", "eq", "de"),
    *(_one(f"preferences.channels.{name}.enabled", "eq") for name in CHANNELS),
    *(_one(f"preferences.channels.{name}.enabled", "exists") for name in CHANNELS),
    _one("preferences.categories.jobs.enabled", "eq"),
    _one("preferences.categories.jobs.enabled", "exists"),
    _one("preferences.categories.jobs.delivery", "eq", "daily"),
    _one("preferences.categories.jobs.delivery", "exists"),
    *(_one("subscriptions.job_alert", "eq", state)
      for state in ("subscribed", "unsubscribed", "never_chosen")),
    *(_one("subscriptions.job_alert.email", "eq", state)
      for state in ("subscribed", "unsubscribed", "never_chosen")),
    _one("consents.marketing", "eq"), _one("consents.sms", "exists"),
    _one("devices.count", "gte", 2), _one("devices.platform", "eq", "ios"),
    _one("devices.platform", "notIn", ["ios", "web"]),
    *(_one(f"engagement.{event}.count", "gte", 1) for event in EVENTS),
    _one("engagement.opened.count", "eq", 0, days=7), _one("engagement.lastAt", "exists"),
    _one("engagement.lastAt", "withinDays", 3),
)  # fmt: skip
"""Each true of some of the people and false of others."""
