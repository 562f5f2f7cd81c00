"""What a segment may ask about: the fields, their kinds, and the operators each kind takes.

Nothing outside this list reaches the database. A field is a dotted path; the parts a caller may
choose are vocabularies, a notification type, or a path into the user's attributes.
"""

import re
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from typing import Final

from domain.base import type_pattern
from domain.enums import Category, Channel, ConsentType, DeliveryMode, Platform


class Operator(StrEnum):
    EQ = "eq"
    NE = "ne"
    IN = "in"
    NOT_IN = "notIn"
    GT = "gt"
    GTE = "gte"
    LT = "lt"
    LTE = "lte"
    EXISTS = "exists"
    CONTAINS = "contains"
    STARTS_WITH = "startsWith"
    BEFORE = "before"
    AFTER = "after"
    WITHIN_DAYS = "withinDays"


class Kind(StrEnum):
    """What a field's value is."""

    TEXT = "text"
    FLAG = "flag"
    TIME = "time"
    COUNT = "count"
    """A whole number that is never missing."""
    CHOICE = "choice"
    """One of a few words, never missing."""
    SET = "set"
    """Several words at once: a user with two devices has two platforms."""
    OPEN = "open"
    """An attribute: whatever JSON the caller keeps there."""


class Source(StrEnum):
    """Where a field's value comes from."""

    ID = "id"
    LOCALE = "locale"
    TIMEZONE = "timezone"
    COUNTRY = "country"
    EMAIL_VERIFIED = "emailVerified"
    HAS_EMAIL = "hasEmail"
    HAS_PHONE = "hasPhone"
    CREATED_AT = "createdAt"
    ATTRIBUTE = "attribute"
    LANGUAGE = "language"
    CHANNEL_ENABLED = "channelEnabled"
    CATEGORY_ENABLED = "categoryEnabled"
    CATEGORY_DELIVERY = "categoryDelivery"
    SUBSCRIPTION = "subscription"
    CONSENT = "consent"
    DEVICE_COUNT = "deviceCount"
    DEVICE_PLATFORM = "devicePlatform"
    ENGAGEMENT_COUNT = "engagementCount"
    ENGAGEMENT_LAST = "engagementLast"


class SubscriptionState(StrEnum):
    SUBSCRIBED = "subscribed"
    UNSUBSCRIBED = "unsubscribed"
    NEVER_CHOSEN = "never_chosen"


_EQUALITY: Final = {Operator.EQ, Operator.NE, Operator.IN, Operator.NOT_IN}
_ORDER: Final = {Operator.GT, Operator.GTE, Operator.LT, Operator.LTE}
_WORDS: Final = {Operator.CONTAINS, Operator.STARTS_WITH}
_INSTANTS: Final = {Operator.BEFORE, Operator.AFTER, Operator.WITHIN_DAYS}
_EXISTS: Final = {Operator.EXISTS}

OPERATORS: Final[dict[Kind, frozenset[Operator]]] = {
    Kind.TEXT: frozenset(_EQUALITY | _WORDS | _EXISTS),
    Kind.FLAG: frozenset({Operator.EQ, Operator.NE} | _EXISTS),
    Kind.TIME: frozenset(_INSTANTS | _EXISTS),
    Kind.COUNT: frozenset(_EQUALITY | _ORDER),
    Kind.CHOICE: frozenset(_EQUALITY),
    Kind.SET: frozenset(_EQUALITY | _EXISTS),
    Kind.OPEN: frozenset(Operator),
}


@dataclass(frozen=True, slots=True)
class SegmentField:
    source: Source
    kind: Kind
    path: tuple[str, ...] = ()
    """The parts the caller chose: `("role",)` of `attributes.role`."""
    choices: frozenset[str] = frozenset()

    @property
    def operators(self) -> frozenset[Operator]:
        """A category's delivery is a choice that may also never have been made."""
        extra = _EXISTS if self.source is Source.CATEGORY_DELIVERY else set[Operator]()
        return OPERATORS[self.kind] | extra


_VARIABLES: Final = {
    "channel": "|".join(Channel),
    "category": "|".join(Category),
    "consent": "|".join(ConsentType),
    "event": "opened|clicked|read",
    "type": type_pattern.strip("^$"),
    "path": r"[^.\x00]{1,100}(?:\.[^.\x00]{1,100}){0,9}",
}
_STATES: Final = frozenset(SubscriptionState)
_ALLOWED: Final[tuple[tuple[str, Source, Kind, frozenset[str]], ...]] = (
    ("id", Source.ID, Kind.TEXT, frozenset()),
    ("locale", Source.LOCALE, Kind.TEXT, frozenset()),
    ("timezone", Source.TIMEZONE, Kind.TEXT, frozenset()),
    ("country", Source.COUNTRY, Kind.TEXT, frozenset()),
    ("emailVerified", Source.EMAIL_VERIFIED, Kind.FLAG, frozenset()),
    ("hasEmail", Source.HAS_EMAIL, Kind.FLAG, frozenset()),
    ("hasPhone", Source.HAS_PHONE, Kind.FLAG, frozenset()),
    ("createdAt", Source.CREATED_AT, Kind.TIME, frozenset()),
    ("attributes.{path}", Source.ATTRIBUTE, Kind.OPEN, frozenset()),
    ("preferences.language", Source.LANGUAGE, Kind.TEXT, frozenset()),
    ("preferences.channels.{channel}.enabled", Source.CHANNEL_ENABLED, Kind.FLAG, frozenset()),
    ("preferences.categories.{category}.enabled", Source.CATEGORY_ENABLED, Kind.FLAG, frozenset()),
    ("preferences.categories.{category}.delivery", Source.CATEGORY_DELIVERY, Kind.CHOICE,
     frozenset(DeliveryMode)),
    ("subscriptions.{type}", Source.SUBSCRIPTION, Kind.CHOICE, _STATES),
    ("subscriptions.{type}.{channel}", Source.SUBSCRIPTION, Kind.CHOICE, _STATES),
    ("consents.{consent}", Source.CONSENT, Kind.FLAG, frozenset()),
    ("devices.count", Source.DEVICE_COUNT, Kind.COUNT, frozenset()),
    ("devices.platform", Source.DEVICE_PLATFORM, Kind.SET, frozenset(Platform)),
    ("engagement.{event}.count", Source.ENGAGEMENT_COUNT, Kind.COUNT, frozenset()),
    ("engagement.lastAt", Source.ENGAGEMENT_LAST, Kind.TIME, frozenset()),
)  # fmt: skip
FIELD_NAMES: Final = tuple(name for name, *_ in _ALLOWED)


def _pattern(name: str) -> re.Pattern[str]:
    words = re.split(r"\{(\w+)\}", name)
    return re.compile(
        "".join(
            f"({_VARIABLES[word]})" if index % 2 else re.escape(word)
            for index, word in enumerate(words)
        )
    )


_PATTERNS: Final = tuple(
    (_pattern(name), source, kind, choices) for name, source, kind, choices in _ALLOWED
)


@lru_cache(1024)
def segment_field(name: str) -> SegmentField | None:
    """The field of that name; None when there is none."""
    for pattern, source, kind, choices in _PATTERNS:
        found = pattern.fullmatch(name)
        if found is None:
            continue
        path = found.groups()
        if source is Source.ATTRIBUTE:
            path = tuple(path[0].split("."))
        return SegmentField(source, kind, path, choices)
    return None
