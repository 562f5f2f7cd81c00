"""Segments at random, as callers write them, and one by one: every field at least once."""

from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import strategies as st

from tests.integration.storage.people import (
    ATTRIBUTES,
    CATEGORIES,
    CHANNELS,
    CONSENTS,
    EVENTS,
    PLATFORMS,
    SCALARS,
    TYPES,
)

INSTANTS = ("2026-01-05T00:00:00Z", "2026-01-05T10:00:00+00:00", "2026-01-05T04:30:00Z",
            "1999-12-31T23:59:59-08:00", "2027-06-01T00:00:00Z")  # fmt: skip


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


_LONG_AGO = (datetime.now(UTC) - timedelta(days=100)).isoformat()


def _one(name: str, op: str, value: Any = True, **more: Any) -> dict[str, Any]:
    return {"field": name, "op": op, "value": value, **more}


ONE_BY_ONE = (
    _one("id", "startsWith", "U-"), _one("locale", "in", ["de", "pt_BR"]),
    _one("timezone", "contains", "rope"), _one("country", "eq", "de"),
    _one("emailVerified", "eq"), _one("hasEmail", "eq"), _one("hasPhone", "eq"),
    _one("createdAt", "withinDays", 7), _one("createdAt", "before", _LONG_AGO),
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
