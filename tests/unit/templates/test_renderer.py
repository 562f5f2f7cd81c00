"""Rendering: escaped, repeatable, bounded, and clear about what is missing."""

import html
import pickle
import re
import string
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.enums import Channel
from templates.compile import CompiledTemplate, compile_template
from templates.errors import FilterFailed, MissingVariable, TemplateError, TemplateLimit
from templates.parts import ChannelParts
from templates.renderer import TemplateRenderer

RENDERER = TemplateRenderer()


def compiled(body: str, *, locale: str = "en") -> CompiledTemplate:
    parts = ChannelParts.model_validate({"sms": {"body": body}})
    return compile_template(parts, locale=locale)


def render(body: str, *, locale: str = "en", **context: Any) -> str:
    return RENDERER.render(compiled(body, locale=locale), context, channel=Channel.SMS).text


def email(page: str, subject: str = "s") -> CompiledTemplate:
    parts = {"email": {"subject": subject, "html": page, "layout": "none"}}
    return compile_template(ChannelParts.model_validate(parts))


PAGE = email(
    '<p title="{{ data.a }}">{{ data.a }}</p>{% for x in data.b %}<i>{{ x }}</i>{% endfor %}'
    "<b>{{ data.a|upper }}{{ data.a|default('x') }}{{ data.b|join('<>') }}{{ data.c }}</b>"
    '<a href="{{ data.a }}">x</a>',
    subject="{{ data.a }}",
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)
NASTY = st.text(alphabet=st.sampled_from("<>&\"'/= \n\x00jascript:{}%#ß"), max_size=40)


@settings(max_examples=300, deadline=None)
@given(a=NASTY | st.text(), b=st.lists(NASTY | st.text(), max_size=4), c=JSON)
def test_no_value_ever_opens_an_element_or_leaves_its_quotes(a: str, b: list[str], c: Any) -> None:
    context = {"data": {"a": a, "b": b, "c": c}}
    page = RENDERER.render(PAGE, context, channel=Channel.EMAIL).html or ""
    calm = {"data": {"a": "a", "b": ["b"] * len(b), "c": "c"}}
    expected = RENDERER.render(PAGE, calm, channel=Channel.EMAIL).html or ""
    assert re.findall(r"<[^>]*", _bare(page)) == re.findall(r"<[^>]*", _bare(expected))
    assert page.count('"') == expected.count('"')
    assert html.escape(a, quote=False).replace("\r", "") in page.replace("&#39;", "'").replace(
        "&#34;", '"'
    ).replace("\r", "")


def _bare(page: str) -> str:
    return re.sub(r'="[^"]*"', '=""', page)


@settings(max_examples=100, deadline=None)
@given(JSON)
def test_the_same_context_gives_the_same_words(value: Any) -> None:
    context = {"data": {"a": "x", "b": [], "c": value}}
    one = TemplateRenderer().render(PAGE, context, channel=Channel.EMAIL)
    two = RENDERER.render(pickle.loads(pickle.dumps(PAGE)), context, channel=Channel.EMAIL)
    assert one == two


def test_a_compiled_template_survives_json() -> None:
    assert CompiledTemplate.model_validate_json(PAGE.model_dump_json()) == PAGE


KEYS = st.text(alphabet=string.ascii_letters, min_size=1, max_size=12)
PATHS = st.lists(KEYS | st.sampled_from(["items", "keys", "get", "count"]), min_size=1, max_size=4)


@settings(max_examples=200, deadline=None)
@given(PATHS, st.integers(0, 3), st.sampled_from(["", "|upper", "|length", "|truncate(3)"]))
def test_a_missing_variable_is_always_named_in_full(
    keys: list[str], present: int, filters: str
) -> None:
    name = ".".join(("data", *keys))
    data: dict[str, Any] = {}
    inner = data
    for key in keys[: min(present, len(keys) - 1)]:
        inner[key] = {}
        inner = inner[key]
    with pytest.raises(MissingVariable) as caught:
        render(f"{{{{ {name}{filters} }}}}", data=data)
    assert caught.value.name == name
    assert caught.value.path == "channels.sms.body"
    assert name in str(caught.value)


@pytest.mark.parametrize(
    ("body", "context", "name"),
    [
        ("{{ user.name }}", {}, "user.name"),
        ("{{ title }}", {"user": {}}, "title"),
        ("{% for j in data.jobs %}x{% endfor %}", {"data": {}}, "data.jobs"),
        ("{% for j in data.items %}x{% endfor %}", {"data": {}}, "data.items"),
        ("{% for j in data.jobs %}{{ j.title }}{% endfor %}", {"data": {"jobs": [{}]}},
         "data.jobs[].title"),
        ("{% for j in data.items %}{{ j.items|upper }}{% endfor %}", {"data": {"items": [{}]}},
         "data.items[].items"),
        ("{% for j in data.a %}{% for k in j.b %}{{ k.c }}{% endfor %}{% endfor %}",
         {"data": {"a": [{"b": [{}]}]}}, "data.a[].b[].c"),
        ("{% if data.a %}{{ data.b }}{% endif %}", {"data": {"a": 1}}, "data.b"),
        ("{{ data['job title'] }}", {"data": {}}, "data.job title"),
        ("{{ data.jobs[0].title }}", {"data": {"jobs": []}}, "data.jobs.0.title"),
        ("{{ data.items[0].title }}", {"data": {"items": [{}]}}, "data.items.0.title"),
        ("{{ (data.items|first).title }}", {"data": {"items": [{}]}}, "data.items.title"),
    ],
)  # fmt: skip
def test_missing_variables(body: str, context: dict[str, Any], name: str) -> None:
    with pytest.raises(MissingVariable) as caught:
        render(body, **context)
    assert caught.value.name == name


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


def test_after_a_refusal_the_next_rendering_is_whole() -> None:
    template = compiled("{% for a in data.a %}{{ data.big }}{% endfor %}")
    renderer = TemplateRenderer(max_output=100)
    for _ in range(3):
        with pytest.raises(TemplateLimit):
            renderer.render(template, {"data": {"a": [1, 2], "big": "x" * 60}}, channel=Channel.SMS)
        message = renderer.render(
            template, {"data": {"a": [1], "big": "x" * 60}}, channel=Channel.SMS
        )
        assert message.text == "x" * 60


def test_programs_that_fall_out_of_the_cache_come_back() -> None:
    renderer = TemplateRenderer(cache_size=2)
    templates = [compiled(f"{n} {{{{ title }}}}") for n in range(5)]
    for _ in range(2):
        for n, template in enumerate(templates):
            message = renderer.render(template, {"title": "t"}, channel=Channel.SMS)
            assert message.text == f"{n} t"


def test_a_subject_is_one_line_of_at_most_255() -> None:
    template = email("<p>x</p>", subject="Re: {{ title }}")
    message = RENDERER.render(
        template, {"title": "a\r\nBcc: x@example.com\n" + "y" * 400}, channel=Channel.EMAIL
    )
    assert message.subject is not None
    assert message.subject.startswith("Re: a Bcc: x@example.com y")
    assert len(message.subject) == 255
    assert "\n" not in message.subject


def test_text_is_not_escaped_and_html_is() -> None:
    message = RENDERER.render(
        email("<p>{{ title }}</p>", subject="{{ title }}"),
        {"title": "Q&A <now>"},
        channel=Channel.EMAIL,
    )
    assert message.subject == "Q&A <now>"
    assert message.text.strip() == "Q&A <now>"
    assert "<p>Q&amp;A &lt;now&gt;</p>" in (message.html or "")


def test_a_channel_without_words_is_said() -> None:
    with pytest.raises(TemplateError) as caught:
        RENDERER.render(compiled("x"), {}, channel=Channel.PUSH)
    assert caught.value.code == "no_such_channel"
