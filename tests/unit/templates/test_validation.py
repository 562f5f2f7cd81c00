"""What an author hears before a template is saved."""

from typing import Any

import pytest
from pydantic import ValidationError

from templates.parts import ChannelParts
from templates.validation import check_data, validate_template


def found(
    channels: dict[str, Any],
    variables: dict[str, Any] | None = None,
    example: dict[str, Any] | None = None,
) -> set[tuple[str, str]]:
    problems = validate_template(ChannelParts.model_validate(channels), variables, example)
    assert all(problem.message for problem in problems)
    return {(problem.path, problem.code) for problem in problems}


SMS = {"sms": {"body": "{{ data.a }}"}}


def test_a_good_template_has_no_problem() -> None:
    schema = {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"]}
    assert found(SMS, schema, {"a": "x"}) == set()


def test_all_bad_parts_are_named_at_once() -> None:
    channels = {
        "email": {"subject": "{{ 1 + 1 }}", "mjml": "<mj-foo>{{ x.y() }}</mj-foo>", "text": "{% z"},
        "sms": {"body": "{{ data.a|safe }}"},
        "push": {"title": "{% set a = 1 %}", "body": "x"},
    }
    assert found(channels) == {
        ("channels.email.subject", "not_allowed"),
        ("channels.email.mjml", "not_allowed"),
        ("channels.email.mjml", "mjml_unknown_element"),
        ("channels.email.text", "syntax"),
        ("channels.sms.body", "not_allowed"),
        ("channels.push.title", "not_allowed"),
    }


@pytest.mark.parametrize(
    ("channels", "example", "problem"),
    [
        (SMS, {"a": "x" * 1601}, ("channels.sms.body", "too_long")),
        (SMS, {"a": ""}, ("channels.sms.body", "empty")),
        (SMS, {"b": 1}, ("channels.sms.body", "missing_variable")),
        ({"sms": {"body": "{{ data.a|round }}"}}, {"a": "x"},
         ("channels.sms.body", "filter_failed")),
        ({"sms": {"body": "{{ name }}"}}, None, ("channels.sms.body", "unknown_variable")),
        ({"push": {"title": "{{ data.a }}", "body": "x"}}, {"a": "x" * 121},
         ("channels.push.title", "too_long")),
        ({"push": {"title": "x", "body": "{{ data.a }}"}}, {"a": "x" * 1001},
         ("channels.push.body", "too_long")),
        ({"websocket": {"title": "x", "body": "{{ data.a }}"}}, {"a": "x" * 10_001},
         ("channels.websocket.body", "too_long")),
        ({"email": {"subject": "{{ data.a }}", "text": "x"}}, {"a": "x" * 256},
         ("channels.email.subject", "too_long")),
        ({"email": {"subject": "a\nb", "text": "x"}}, None,
         ("channels.email.subject", "too_many_lines")),
        ({"email": {"subject": "s", "html": "<p>x</p>", "layout": "other"}}, None,
         ("channels.email.layout", "unknown_layout")),
    ],
)  # fmt: skip
def test_each_problem_is_named(
    channels: dict[str, Any], example: dict[str, Any] | None, problem: tuple[str, str]
) -> None:
    assert problem in found(channels, None, example)


def test_the_schema_and_the_example_must_agree() -> None:
    schema = {"type": "object", "properties": {"a": {"type": "integer"}}}
    assert found(SMS, schema, {"a": "x"}) == {("example.a", "data_invalid")}
    assert found(SMS, {"type": "nonsense"}) == {("variables.type", "schema_invalid")}
    assert found(SMS, {"$ref": "http://127.0.0.1:9/x"}) == {("variables", "schema_invalid")}
    closed = {"type": "object", "properties": {"b": {}}, "additionalProperties": False}
    assert found(SMS, closed) == {("channels.sms.body", "unknown_variable")}


def test_data_is_checked_by_path() -> None:
    schema = {"properties": {"jobs": {"items": {"required": ["title"]}}}}
    assert check_data(schema, {"jobs": [{"title": "x"}]}) == []
    problems = check_data(schema, {"jobs": [{"title": "x"}, {}]})
    assert [problem.path for problem in problems] == ["data.jobs.1"]


@pytest.mark.parametrize(
    "channels",
    [
        {},
        {"email": {"subject": "x"}},
        {"email": {"subject": "x", "mjml": "<p/>", "html": "<p/>"}},
        {"sms": {"body": ""}},
        {"fax": {"body": "x"}},
        {"push": {"title": "x"}},
    ],
)
def test_a_template_of_another_shape_is_refused(channels: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        ChannelParts.model_validate(channels)
