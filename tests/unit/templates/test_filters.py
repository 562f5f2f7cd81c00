"""Filters, languages, dates and numbers; and what they cannot work with."""

from typing import Any

import pytest

from templates.errors import FilterFailed, TemplateLimit
from tests.unit.templates.rendering import render


@pytest.mark.parametrize(
    ("body", "context", "text"),
    [
        ("[{{ data.a }}]", {"data": {"a": None}}, "[]"),
        ("{{ data.a|default('x') }}", {"data": {}}, "x"),
        ("{{ data.a|default('x') }}", {"data": {"a": None}}, "x"),
        ("[{{ data.a|default('x') }}]", {"data": {"a": ""}}, "[]"),
        ("{{ data.a|default('x', true) }}", {"data": {"a": ""}}, "x"),
        ("{{ data.a.b.c|default('x') }}", {}, "x"),
        ("{{ data.items|default('x') }}", {"data": {}}, "x"),
        ("{{ data.a|trim|default('x', true) }}", {"data": {"a": " "}}, "x"),
        ("{% if data.a.b.c %}y{% else %}n{% endif %}", {}, "n"),
        ("{% if data.items %}y{% else %}n{% endif %}", {"data": {}}, "n"),
        ("{% if data.items is defined %}y{% else %}n{% endif %}", {"data": {}}, "n"),
        ("{% if data.keys is undefined %}y{% else %}n{% endif %}", {"data": {}}, "y"),
        ("{% if data.a is defined %}y{% else %}n{% endif %}", {"data": {"a": None}}, "y"),
        ("{% if user is defined %}y{% else %}n{% endif %}", {}, "n"),
        ("{% if data.a == 'x' %}y{% elif data.a in ['b', 'c'] %}z{% endif %}",
         {"data": {"a": "c"}}, "z"),
        ("{{ data.a or 'x' }}", {"data": {}}, "x"),
        ("{{ 'y' if data.a.b and not data.c }}", {"data": {"a": {"b": 1}}}, "y"),
        ("{% for x in data.a if x > 1 %}{{ loop.index }}{{ x }}{% if not loop.last %},{% endif %}"
         "{% else %}none{% endfor %}", {"data": {"a": [1, 2, 3]}}, "12,23"),
        ("{% for x in data.a %}x{% else %}none{% endfor %}", {"data": {"a": None}}, "none"),
        ("{{ data.a[1].b }}", {"data": {"a": [0, {"b": "x"}]}}, "x"),
        ("{{ data.items[0].a }}{{ (data.items|last).a }}", {"data": {"items": [{"a": "x"}]}}, "xx"),
        ("{{ (data.items|first).b|default('y') }}", {"data": {"items": [{"a": "x"}]}}, "y"),
        ("{% if (data.items|first).b %}y{% else %}n{% endif %}", {"data": {"items": []}}, "n"),
        ("{% if (data.items|first).b is defined %}y{% else %}n{% endif %}",
         {"data": {"items": []}}, "n"),
        ("{ {{ data.a }} }{", {"data": {"a": "{{ user }}"}}, "{ {{ user }} }{"),
        ("{{ 'quote\\'s \"é\" \\\\' }}", {}, "quote's \"é\" \\"),
        ("a {#- note -#} b\n{%- if true %} c{% endif %}", {}, "ab c"),
        ("{{ -1 }} {{ 0.5 }} {{ 1e20 }}", {}, "-1 0.5 1e+20"),
    ],
)  # fmt: skip
def test_the_language(body: str, context: dict[str, Any], text: str) -> None:
    assert render(body, **context) == text


@pytest.mark.parametrize(
    ("body", "value", "text"),
    [
        ("upper", "straße", "STRASSE"),
        ("lower", "ABC", "abc"),
        ("title", "it's a big-deal ÉTÉ", "It's A Big-Deal Été"),
        ("trim", "  a ", "a"),
        ("length", [1, 2], "2"),
        ("length", None, "0"),
        ("first", ["a", "b"], "a"),
        ("last", "abc", "c"),
        ("last", [], ""),
        ("join(', ')", ["a", None, 3], "a, , 3"),
        ("join(', ')", "abc", "abc"),
        ("lines|join('/')", "a\n\n  b \r\nc", "a/b/c"),
        ("truncate(7)", "one two three", "one…"),
        ("truncate(9)", "one two three", "one two…"),
        ("truncate(7, true)", "one two three", "one tw…"),
        ("truncate(7, end='')", "one two three", "one two"),
        ("truncate(100)", "one", "one"),
        ("round", 2.5, "3"),
        ("round(1)", "2.45", "2.5"),
        ("round", None, ""),
        ("number", 1234567.891, "1,234,567.89"),
        ("number", 1000000, "1,000,000"),
        ("number(2)", 5, "5.00"),
        ("urlencode", "a b&c/é", "a%20b%26c%2F%C3%A9"),
        ("link", "https://a.b/?c", "https://a.b/?c"),
        ("link", " java\tscript:alert(1)", "#"),
        ("link", "jobfinders://job/1", "jobfinders://job/1"),
        ("datetime", "2026-12-01T09:00:00Z", "1 December 2026, 10:00"),
        ("datetime('short')", "2026-12-01T23:30:00+00:00", "2026-12-02 00:30"),
        ("datetime('date')", "2026-12-01", "1 December 2026"),
        ("datetime('time')", "2026-12-01T09:00:00Z", "10:00"),
        ("datetime('long', 'Asia/Tokyo')", "2026-12-01T09:00:00Z",
         "Tuesday, 1 December 2026, 18:00 JST"),
        ("datetime('medium', timezone='No/Where')", "2026-12-01T09:00:00Z",
         "1 December 2026, 09:00"),
        ("datetime", None, ""),
    ],
)  # fmt: skip
def test_filters(body: str, value: Any, text: str) -> None:
    source = f"{{{{ data.v|{body} }}}}"
    assert render(source, data={"v": value}, user={"timezone": "Europe/Berlin"}) == text


@pytest.mark.parametrize(
    ("locale", "text"),
    [
        ("de-AT", "Dienstag, 1. Dezember 2026, 09:00 UTC 1.234,5"),
        ("fr", "mardi 1 décembre 2026, 09:00 UTC 1\u202f234,5"),
        ("tr", "1 Aralık 2026 Salı, 09:00 UTC 1.234,5"),
        ("ja", "2026-12-01, 09:00 UTC 1,234.5"),
    ],
)
def test_dates_and_numbers_follow_the_locale(locale: str, text: str) -> None:
    body = "{{ data.at|datetime('long') }} {{ data.n|number }}"
    assert render(body, locale=locale, data={"at": "2026-12-01T09:00:00Z", "n": 1234.5}) == text


@pytest.mark.parametrize(
    ("body", "value"),
    [
        ("round", "much"),
        ("number", [1]),
        ("number", "NaN"),
        ("datetime", "tomorrow"),
        ("datetime('cosy')", "2026-12-01"),
        ("upper", {"a": 1}),
        ("length", 3),
        ("first", 3),
    ],
)
def test_a_filter_says_what_it_cannot_work_with(body: str, value: Any) -> None:
    with pytest.raises(FilterFailed) as caught:
        render(f"{{{{ data.v|{body} }}}}", data={"v": value})
    assert caught.value.code == "filter_failed"
    assert caught.value.path == "channels.sms.body"


@pytest.mark.parametrize(
    ("body", "data"),
    [
        ("{% for a in data.a %}{% for b in data.a %}{{ b }}{% endfor %}{% endfor %}",
         {"a": list(range(5_000))}),
        ("{% for a in data.a %}" + "x" * 10_000 + "{% endfor %}", {"a": [0] * 5_000}),
        ("{% for a in data.a %}{{ data.big }}{% endfor %}",
         {"a": [0] * 5_000, "big": "x" * 10_000}),
        ("{% for a in data.a %}{% if data.big|upper|length == 1 %}{% endif %}{% endfor %}",
         {"a": [0] * 50_000, "big": "x" * 500_000}),
        ("{{ data.big|urlencode }}", {"big": "é" * 500_000}),
    ],
)  # fmt: skip
def test_data_cannot_make_a_template_run_away(body: str, data: dict[str, Any]) -> None:
    with pytest.raises(TemplateLimit) as caught:
        render(body, data=data)
    assert caught.value.code == "template_limit"
