"""What an audience may say, and how each mistake is told: by code and by the path to it."""

from typing import Any

import pytest
from pydantic import ValidationError

from api.errors import validation_errors
from domain.audience.fields import FIELD_NAMES, OPERATORS, Kind, Operator, segment_field
from domain.audience.shapes import MAX_CONDITIONS, MAX_DEPTH, Audience

FINE = {"field": "attributes.role", "op": "eq", "value": "candidate"}


def mistakes(audience: Any) -> dict[str, str]:
    """path → code"""
    with pytest.raises(ValidationError) as refused:
        Audience.model_validate(audience)
    found = validation_errors(refused.value.errors())
    assert all(error.detail for error in found)
    return {error.field: error.code for error in found}


def nested(levels: int) -> dict[str, Any]:
    segment: dict[str, Any] = FINE
    for level in range(levels - 1):
        segment = {"not": segment} if level % 2 else {"all": [segment]}
    return segment


@pytest.mark.parametrize(
    "audience",
    [
        {"segment": FINE},
        {"segment": {"all": [FINE, {"any": [FINE]}, {"not": FINE}]}},
        {"userIds": ["ada", "bob"]},
        {"list": "01890a5d-ac96-774b-bcce-b302099a8057"},
        {"everyone": True},
        {"everyone": True, "segment": None},
        {"segment": nested(MAX_DEPTH)},
        {"segment": {"all": [FINE] * MAX_CONDITIONS}},
        {"segment": {"field": "createdAt", "op": "before", "value": "2026-12-01T09:00:00+01:00"}},
        {"segment": {"field": "engagement.read.count", "op": "gte", "value": 1, "days": 30}},
        {"segment": {"field": "attributes.a b.O'Hare.ü", "op": "exists"}},
    ],
)
def test_what_it_may_say_comes_back_as_it_was(audience: dict[str, Any]) -> None:
    read = Audience.model_validate(audience)
    assert read.wire() == {name: part for name, part in audience.items() if part is not None}
    assert Audience.model_validate(read.wire()) == read


@pytest.mark.parametrize(
    ("audience", "path", "code"),
    [
        ({}, "body", "audience_not_one"),
        ({"everyone": True, "userIds": ["a"]}, "body", "audience_not_one"),
        ({"everyone": False}, "everyone", "literal_error"),
        ({"userIds": []}, "userIds", "too_short"),
        ({"userIds": ["a", "no spaces"]}, "userIds.1", "string_pattern_mismatch"),
        ({"list": "spring"}, "list", "uuid_parsing"),
        ({"segments": FINE}, "segments", "unknown_field"),
        ({"segment": {}}, "segment", "segment_not_understood"),
        ({"segment": []}, "segment", "segment_not_understood"),
        ({"segment": {"all": [FINE, 1]}}, "segment.all.1", "segment_not_understood"),
        ({"segment": {"all": []}}, "segment.all", "too_short"),
        ({"segment": {"any": [FINE], "all": [FINE]}}, "segment.any", "unknown_field"),
        ({"segment": FINE | {"fields": 1}}, "segment.fields", "unknown_field"),
        ({"segment": nested(MAX_DEPTH + 1)}, "segment", "segment_too_deep"),
        ({"segment": {"any": [{"all": [FINE] * 101}] * 2}}, "segment", "segment_too_large"),
    ],
)
def test_a_wrong_shape_is_told_by_its_path(audience: Any, path: str, code: str) -> None:
    assert mistakes(audience)[path] == code


@pytest.mark.parametrize(
    ("condition", "part", "code"),
    [
        ({"field": "password", "op": "eq", "value": "x"}, "field", "unknown_segment_field"),
        ({"field": "email", "op": "eq", "value": "x"}, "field", "unknown_segment_field"),
        ({"field": "attributes", "op": "exists"}, "field", "unknown_segment_field"),
        ({"field": "attributes..a", "op": "exists"}, "field", "unknown_segment_field"),
        ({"field": "attributes.a\x00", "op": "exists"}, "field", "unknown_segment_field"),
        ({"field": "id; select 1", "op": "exists"}, "field", "unknown_segment_field"),
        ({"field": "subscriptions.Job", "op": "eq", "value": "subscribed"}, "field",
         "unknown_segment_field"),
        ({"field": "subscriptions.job_alert.fax", "op": "eq", "value": "subscribed"}, "field",
         "unknown_segment_field"),
        ({"field": "engagement.ignored.count", "op": "eq", "value": 1}, "field",
         "unknown_segment_field"),
        ({"field": "country", "op": "like", "value": "D%"}, "op", "enum"),
        ({"field": "country", "op": "gt", "value": "DE"}, "op", "operator_not_for_field"),
        ({"field": "devices.count", "op": "exists"}, "op", "operator_not_for_field"),
        ({"field": "country", "op": "eq"}, "value", "segment_value_invalid"),
        ({"field": "country", "op": "eq", "value": 1}, "value", "segment_value_invalid"),
        ({"field": "country", "op": "eq", "value": ["DE"]}, "value", "segment_value_invalid"),
        ({"field": "country", "op": "in", "value": "DE"}, "value", "segment_value_invalid"),
        ({"field": "country", "op": "in", "value": []}, "value", "segment_value_invalid"),
        ({"field": "country", "op": "in", "value": ["DE"] * 1001}, "value",
         "segment_value_invalid"),
        ({"field": "country", "op": "startsWith", "value": ""}, "value", "segment_value_invalid"),
        ({"field": "attributes.a", "op": "contains", "value": ""}, "value",
         "segment_value_invalid"),
        ({"field": "attributes.a", "op": "eq", "value": None}, "value", "segment_value_invalid"),
        ({"field": "attributes.a", "op": "eq", "value": {}}, "value", "segment_value_invalid"),
        ({"field": "attributes.a", "op": "eq", "value": 2**63}, "value", "segment_value_invalid"),
        ({"field": "attributes.a", "op": "eq", "value": "a\x00"}, "value",
         "segment_value_invalid"),
        ({"field": "attributes.a", "op": "gt", "value": "1"}, "value", "segment_value_invalid"),
        ({"field": "attributes.a", "op": "gt", "value": float("inf")}, "value",
         "segment_value_invalid"),
        ({"field": "attributes.a", "op": "exists", "value": 1}, "value", "segment_value_invalid"),
        ({"field": "createdAt", "op": "before", "value": "2026-12-01"}, "value",
         "segment_value_invalid"),
        ({"field": "createdAt", "op": "before", "value": "1764547200"}, "value",
         "segment_value_invalid"),
        ({"field": "createdAt", "op": "withinDays", "value": 0}, "value",
         "segment_value_invalid"),
        ({"field": "createdAt", "op": "withinDays", "value": True}, "value",
         "segment_value_invalid"),
        ({"field": "devices.count", "op": "gt", "value": -1}, "value", "segment_value_invalid"),
        ({"field": "devices.count", "op": "gt", "value": 1.5}, "value", "segment_value_invalid"),
        ({"field": "devices.platform", "op": "eq", "value": "fax"}, "value",
         "segment_value_invalid"),
        ({"field": "emailVerified", "op": "eq", "value": "yes"}, "value",
         "segment_value_invalid"),
        ({"field": "consents.sms", "op": "eq", "value": 1}, "value", "segment_value_invalid"),
        (FINE | {"days": 3}, "days", "days_not_for_field"),
        ({"field": "engagement.read.count", "op": "gt", "value": 1, "days": 0}, "days",
         "greater_than_equal"),
    ],
)  # fmt: skip
def test_a_wrong_condition_is_told_by_the_path_to_its_part(
    condition: dict[str, Any], part: str, code: str
) -> None:
    inside = {"segment": {"all": [FINE, {"any": [{"not": condition}]}]}}
    assert mistakes(inside) == {f"segment.all.1.any.0.not.{part}": code}


def test_every_kind_has_operators_and_every_field_a_kind() -> None:
    example = {"path": "a.b", "type": "digest", "channel": "sms", "category": "jobs",
               "consent": "sms", "event": "read"}  # fmt: skip
    fields = [segment_field(name.format(**example)) for name in FIELD_NAMES]
    assert None not in fields
    assert {field.kind for field in fields if field} == set(OPERATORS) == set(Kind)
    assert set().union(*OPERATORS.values()) == set(Operator)
