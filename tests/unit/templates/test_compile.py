"""What is done once per version: layout, MJML, styles, text part; tags keep their place."""

import re
from typing import Any

import pytest

from domain.content import RenderedMessage
from domain.enums import Channel
from templates.catalogue import starter_layouts
from templates.compile import compile_template
from templates.errors import TemplateRefused
from templates.parts import ChannelParts, Layout
from templates.placeholders import hide_tags
from templates.renderer import TemplateRenderer

RENDERER = TemplateRenderer()
ITEMS = {"data": {"items": [{"t": "one", "u": "https://a.b/1?x=1&y=2"}, {"t": "<two>", "u": "x"}]}}


def email(
    context: dict[str, Any], layouts: dict[str, Layout] | None = None, **parts: str
) -> RenderedMessage:
    channels = ChannelParts.model_validate({"email": {"subject": "s", **parts}})
    template = compile_template(channels, layouts=layouts)
    return RENDERER.render(template, context, channel=Channel.EMAIL)


def codes(**parts: str) -> list[str]:
    with pytest.raises(TemplateRefused) as caught:
        email({}, None, **parts)
    assert caught.value.errors
    return [problem.code for problem in caught.value.problems]


def test_rows_repeat_inside_their_table() -> None:
    page = (
        "<table>{% for i in data.items %}<tr><td>{{ i.t }}</td></tr>{% endfor %}"
        '<tr class="last"><td>end</td></tr></table>'
    )
    message = email(ITEMS, html=page)
    assert message.html is not None
    cells = re.findall(r"<td>([^<]*)</td>", message.html)
    assert cells == ["one", "&lt;two&gt;", "end"]
    assert (
        message.html.index("<table>") < message.html.index("one") < message.html.index("</table>")
    )
    assert message.text.splitlines() == ["one", "<two>", "end"]


def test_mjml_components_repeat_and_links_keep_their_address() -> None:
    mjml = (
        "<mj-section><mj-column>{% for i in data.items %}"
        '<mj-button href="{{ i.u }}">{{ i.t|upper }}</mj-button>'
        "{% endfor %}</mj-column></mj-section>"
    )
    message = email(ITEMS, mjml=mjml)
    assert message.html is not None
    assert '<a href="https://a.b/1?x=1&amp;y=2"' in message.html
    assert "&lt;TWO&gt;" in message.html
    assert "ONE (https://a.b/1?x=1&y=2)" in message.text
    assert "mj-" not in re.sub(r"mj-(outlook|column)", "", message.html)


def test_tags_with_operators_and_quotes_survive_every_step() -> None:
    mjml = (
        "<mj-section><mj-column><mj-text>"
        '{% if data.n < 3 and data.n > 0 and data.s != "a>b" %}yes {{ data.s|default("a & b") }}'
        "{% else %}no{% endif %}</mj-text></mj-column></mj-section>"
    )
    message = email({"data": {"n": 2}}, mjml=mjml)
    assert "yes a &amp; b" in (message.html or "")
    assert message.text.strip() == "yes a & b"


def test_styles_are_inlined_and_media_rules_kept() -> None:
    page = (
        "<html><head><style>p{color:red} @media (max-width:9px){p{color:blue}}</style></head>"
        "<body><p>{{ title }}</p></body></html>"
    )
    message = email({"title": "t"}, html=page)
    assert message.html is not None
    assert re.search(r'<p style="color: ?red;?">t</p>', message.html)
    assert "@media" in message.html


def test_no_stylesheet_is_fetched() -> None:
    page = (
        '<html><head><link rel="stylesheet" href="http://127.0.0.1:9/x.css"></head><p>x</p></html>'
    )
    assert "<p>x</p>" in (email({}, html=page).html or "")


def test_a_dangerous_address_opens_nothing() -> None:
    page = '<a href="{{ data.u }}">x</a><a href="{% if data.u %}{{ data.u }}{% endif %}">y</a>'
    message = email({"data": {"u": "JaVa\nScript:alert(1)"}}, html=page)
    assert re.findall(r'href="([^"]*)"', message.html or "") == ["#", "#"]


def test_the_default_layout_frames_a_fragment_in_both_parts() -> None:
    layouts = starter_layouts("en")
    context = {
        "title": "t",
        "links": {"unsubscribe": "https://u.s/1", "preferences": "https://p/1"},
    }
    for parts in (
        {"html": "<p>{{ title }}</p>"},
        {"html": "<p>{{ title }}</p>", "text": "{{ title }}"},
    ):
        message = email(context, layouts, **parts)
        assert "JobFinders" in (message.html or "")
        assert 'href="https://u.s/1"' in (message.html or "")
        assert "https://u.s/1" in message.text
        assert "https://p/1" in message.text
    bare = email({"title": "t"}, layouts, html="<p>{{ title }}</p>")
    assert "Unsubscribe" not in (bare.html or "") + bare.text


def test_a_whole_document_or_none_takes_no_layout() -> None:
    layouts = starter_layouts("en")
    whole = "<mjml><mj-body><mj-text>x</mj-text></mj-body></mjml>"
    assert "JobFinders" not in (email({}, layouts, mjml=whole).html or "")
    assert "JobFinders" not in (email({}, layouts, html="<p>x</p>", layout="none").html or "")


def test_an_own_layout_has_its_own_content_beside_the_notifications() -> None:
    layouts = {"own": Layout(html="<html><body><h1>{{ title }}</h1>{{ content }}</body></html>")}
    message = email(
        {"title": "T", "content": "C"}, layouts, html="<p>{{ content }}</p>", layout="own"
    )
    assert "<h1>T</h1><p>C</p>" in (message.html or "")


def test_the_preview_line_is_hidden_from_the_text() -> None:
    whole = (
        "<mjml><mj-head><mj-preview>{% if title %}{{ title }}{% endif %} preview</mj-preview>"
        "<mj-title>{{ title }}</mj-title></mj-head>"
        "<mj-body><mj-text>body</mj-text></mj-body></mjml>"
    )
    message = email({"title": "T<"}, mjml=whole)
    assert "T&lt; preview" in (message.html or "")
    assert message.text.strip() == "body"


@pytest.mark.parametrize(
    ("page", "code"),
    [
        ("<p class={{ data.a }}>x</p>", "tag_misplaced"),
        ("<p class= {{ data.a }}>x</p>", "tag_misplaced"),
        ("<p class=x{{ data.a }}>x</p>", "tag_misplaced"),
        ("<p {{ data.a }}>x</p>", "tag_misplaced"),
        ("<p {% if data.a %}hidden{% endif %}>x</p>", "tag_misplaced"),
        ("<style>p{color:{{ data.a }}}</style>", "tag_misplaced"),
        ("<script>alert(1)</script>", "not_allowed"),
        ('<p onclick="x()">x</p>', "not_allowed"),
        ("<table>{{ data.a|default('x') ~ 'y' }}</table>", "not_allowed"),
    ],
)
def test_a_tag_that_could_break_out_of_its_place_is_refused(page: str, code: str) -> None:
    assert code in codes(html=page)


@pytest.mark.parametrize(
    ("mjml", "code"),
    [
        (
            "<mj-section><mj-column><mj-txt>x</mj-txt></mj-column></mj-section>",
            "mjml_unknown_element",
        ),
        ("<mj-include path='x' />", "not_allowed"),
        ("<mj-section><mj-column><mj-text>x</mj-column></mj-section>", "mjml_invalid"),
        (
            "<mj-section><mj-column><mj-text>a < b</mj-text></mj-column></mj-section>",
            "mjml_invalid",
        ),
    ],
)
def test_mjml_problems_are_said(mjml: str, code: str) -> None:
    assert codes(mjml=mjml) == [code]


def test_layout_problems_are_said() -> None:
    assert codes(html="<p>x</p>", layout="nowhere") == ["unknown_layout"]
    parts = ChannelParts.model_validate(
        {"email": {"subject": "s", "html": "<html></html>", "layout": "default"}}
    )
    with pytest.raises(TemplateRefused, match="whole document"):
        compile_template(parts, layouts=starter_layouts("en"))


def test_a_mark_in_the_source_is_only_text() -> None:
    message = email({"title": "T"}, html="<p>zqv0vqz {{ title }} zqv7vqz</p>")
    assert "<p>zqv0vqz T zqv7vqz</p>" in (message.html or "")


def test_tags_hide_and_return() -> None:
    source = "<a href=\"{{ '}}' }}\">{% if a == '%}' %}x{% endif %}{# gone #}</a>"
    hidden = hide_tags(source, part="p")
    assert "{" not in hidden.text
    assert hidden.tags == ("{{ ('}}')|link }}", "{% if a == '%}' %}", "{% endif %}")
    assert hidden.restore(hidden.text).startswith(
        "<a href=\"{{ ('}}')|link }}\">{% if a == '%}' %}x"
    )
