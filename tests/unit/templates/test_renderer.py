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
from templates.compile import CompiledTemplate
from templates.errors import MissingVariable, TemplateError, TemplateLimit
from templates.renderer import TemplateRenderer
from tests.unit.templates.rendering import RENDERER, compiled, email, render

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
