"""The operators of a segment as SQL. A comparison is true or false, never null.

Attributes are JSON of any kind: each operator first makes sure of the kind it compares, so that no
value a caller ever stored can make a statement fail.
"""

from datetime import timedelta
from typing import Any, Final

from domain.audience.fields import Kind, Operator, SegmentField
from domain.audience.values import instant_of, normal_text
from storage.audience.columns import Bound, Column

_SIGNS: Final = {Operator.EQ: "=", Operator.GT: ">", Operator.GTE: ">=", Operator.LT: "<",
                 Operator.LTE: "<="}  # fmt: skip
_TYPES: Final = {Kind.TEXT: "text", Kind.FLAG: "boolean", Kind.COUNT: "bigint",
                 Kind.CHOICE: "text", Kind.SET: "text"}  # fmt: skip
_INSTANT: Final = (
    r"'^\d{4}-\d\d-\d\d([Tt ]([01]\d|2[0-3]):[0-5]\d(:[0-5]\d(\.\d{1,6})?)?"
    r"([Zz]|[+-](0\d|1[0-4]):[0-5]\d)?)?$'"
)
"""A date, or a date with a time; without an offset it is UTC."""


def comparison(field: SegmentField, op: Operator, value: Any, of: Column, bound: Bound) -> str:
    """Of every operator but `exists` and the negations, which are made of the others; attributes'
    equality is `attribute_is`."""
    match field.kind:
        case Kind.OPEN:
            return _open(op, value, of.value, bound)
        case Kind.TIME:
            return f"coalesce({_time(of.value, op, value, bound)}, false)"
        case Kind.SET:
            wanted = bound(value if isinstance(value, list) else [value], "text[]")
            return f"coalesce({of.value} && {wanted}, false)"
    return f"coalesce({_plain(field, op, value, of.value, bound)}, false)"


def _plain(field: SegmentField, op: Operator, value: Any, place: str, bound: Bound) -> str:
    kind = _TYPES[field.kind]
    if field.kind is Kind.TEXT:
        value = (
            [normal_text(field, item) for item in value]
            if isinstance(value, list)
            else normal_text(field, value)
        )
    if op is Operator.IN:
        return f"{place} = any({bound(value, f'{kind}[]')})"
    wanted = bound(value, kind)
    if op is Operator.CONTAINS:
        return f"strpos({place}, {wanted}) > 0"
    if op is Operator.STARTS_WITH:
        return f"starts_with({place}, {wanted})"
    return f"{place} {_SIGNS[op]} {wanted}"


def _time(place: str, op: Operator, value: Any, bound: Bound) -> str:
    if op is Operator.WITHIN_DAYS:
        span = bound(timedelta(days=value), "interval")
        return f"({place} >= now() - {span} and {place} <= now())"
    sign = "<" if op is Operator.BEFORE else ">"
    return f"{place} {sign} {bound(instant_of(value), 'timestamptz')}"


def _open(op: Operator, value: Any, place: str, bound: Bound) -> str:
    text = f"{place} #>> '{{}}'"
    match op:
        case Operator.IN:
            return f"coalesce({place} = any({bound(value, 'jsonb[]')}), false)"
        case Operator.CONTAINS:
            found = f"when 'array' then {place} @> {bound(value, 'jsonb')}"
            if isinstance(value, str):
                found += f" when 'string' then strpos({text}, {bound(value, 'text')}) > 0"
            return f"(case jsonb_typeof({place}) {found} else false end)"
        case Operator.STARTS_WITH:
            found = f"starts_with({text}, {bound(value, 'text')})"
            return f"(case jsonb_typeof({place}) when 'string' then {found} else false end)"
        case Operator.BEFORE | Operator.AFTER | Operator.WITHIN_DAYS:
            instant = _time(f"({text})::timestamptz", op, value, bound)
            return (
                f"(case when jsonb_typeof({place}) = 'string' and {text} ~ {_INSTANT}"
                f" and pg_input_is_valid({text}, 'timestamptz') then {instant} else false end)"
            )
    number = f"{place} {_SIGNS[op]} {bound(value, 'jsonb')}"
    return f"(case jsonb_typeof({place}) when 'number' then {number} else false end)"


def attribute_is(path: tuple[str, ...], value: Any, bound: Bound) -> str:
    """Equality of an attribute, in the form that the index on attributes answers."""
    for part in reversed(path):
        value = {part: value}
    return f"u.attributes @> {bound(value, 'jsonb')}"
