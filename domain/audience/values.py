"""Which values an operator takes of a field, and how they are compared. Pure."""

import math
import re
from datetime import datetime
from typing import Any, Final

from pydantic import JsonValue, TypeAdapter, ValidationError

from domain.audience.fields import Kind, Operator, SegmentField, Source
from domain.base import Instant

MAX_VALUES: Final = 1000
"""Of one `in`."""
MAX_TEXT: Final = 1000
MAX_COUNT: Final = 1_000_000_000
MAX_WITHIN_DAYS: Final = 3650
_INSTANT: Final[TypeAdapter[datetime]] = TypeAdapter(Instant)
_DATED: Final = re.compile(r"\d{4}-\d\d-\d\d[Tt ]")
_ORDER: Final = frozenset({Operator.GT, Operator.GTE, Operator.LT, Operator.LTE})


def value_problem(field: SegmentField, op: Operator, value: JsonValue) -> str | None:
    """What is wrong with the value, in a sentence; None when it fits."""
    match op:
        case Operator.EXISTS:
            return None if value is None or isinstance(value, bool) else "Give true or false."
        case Operator.IN | Operator.NOT_IN:
            if not isinstance(value, list) or not 1 <= len(value) <= MAX_VALUES:
                return f"Give an array of 1 to {MAX_VALUES} values."
            return next((wrong for item in value if (wrong := _wrong(field, item))), None)
        case Operator.BEFORE | Operator.AFTER:
            return None if _is_instant(value) else "Give an instant, such as 2026-12-01T09:00:00Z."
        case Operator.WITHIN_DAYS:
            fits = _is_whole(value, 1, MAX_WITHIN_DAYS)
            return None if fits else f"Give whole days, 1 to {MAX_WITHIN_DAYS}."
        case Operator.STARTS_WITH:
            return None if _is_text(value) and value else "Give a text that is not empty."
    if op in _ORDER and field.kind is Kind.OPEN:
        return None if _is_number(value) else "Give a number."
    if op is Operator.CONTAINS and value == "":
        return "Give a text that is not empty."
    return _wrong(field, value)


def _wrong(field: SegmentField, value: Any) -> str | None:
    """One value of the field's kind."""
    match field.kind:
        case Kind.TEXT:
            return None if _is_text(value) else f"Give a text of up to {MAX_TEXT} characters."
        case Kind.FLAG:
            return None if isinstance(value, bool) else "Give true or false."
        case Kind.COUNT:
            return None if _is_whole(value, 0, MAX_COUNT) else "Give a whole number, 0 or more."
        case Kind.CHOICE | Kind.SET:
            known = isinstance(value, str) and value in field.choices
            return None if known else f"Give one of {', '.join(sorted(field.choices))}."
    fits = isinstance(value, bool) or _is_text(value) or _is_number(value)
    return None if fits else "Give a text, a number, true or false."


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and len(value) <= MAX_TEXT and "\x00" not in value


def _is_whole(value: Any, least: int, most: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and least <= value <= most


def _is_number(value: Any) -> bool:
    """One that PostgreSQL and JSON writers hold as it is."""
    if isinstance(value, float):
        return math.isfinite(value)
    return _is_whole(value, -(2**63), 2**63 - 1)


def _is_instant(value: Any) -> bool:
    try:
        instant_of(value)
    except ValidationError:
        return False
    return True


def instant_of(value: Any) -> datetime:
    """Raises `ValidationError` for what is not RFC 3339 with an offset; digits alone are not."""
    dated = isinstance(value, str) and _DATED.match(value)
    return _INSTANT.validate_python(value if dated else None)


def normal_text(field: SegmentField, text: str) -> str:
    """Text as profiles keep it: `de` names the country `DE`, `pt_BR` the locale `pt-BR`."""
    if field.source is Source.COUNTRY:
        return text.upper()
    return text.replace("_", "-") if field.source is Source.LOCALE else text
