"""The templates Herald ships work: with their example, a bare title, or nothing at all."""

import pytest

from domain.content import RenderedMessage
from domain.enums import Channel
from domain.sms.segments import measure
from services.catalogue.locales import choose_locale
from templates.catalogue import (
    DEFAULT_TEMPLATE,
    StarterTemplate,
    load_starter_templates,
    starter_layouts,
)
from templates.compile import CompiledTemplate, compile_template
from templates.errors import MissingVariable
from templates.renderer import TemplateRenderer
from templates.validation import SAMPLE_CONTEXT, validate_template

RENDERER = TemplateRenderer()
STARTERS = {(t.key, t.locale): t for t in load_starter_templates()}
TYPES = {
    "job_match", "candidate_interest", "recommendation_refresh", "job_alert", "application_update",
    "interview_reminder", "message_received", "security_alert", "one_time_code", "account_update",
    "announcement", "newsletter", "digest",
}  # fmt: skip


def build(starter: StarterTemplate) -> CompiledTemplate:
    layouts = starter_layouts(starter.locale)
    return compile_template(starter.channels, locale=starter.locale, layouts=layouts)


def render_all(starter: StarterTemplate, context: dict[str, object]) -> list[RenderedMessage]:
    template = build(starter)
    return [RENDERER.render(template, context, channel=c) for c in starter.channels.channels]


def test_there_is_one_for_every_type_and_a_default() -> None:
    for language in ("en", "de", "fr"):
        found = {key: t for (key, locale), t in STARTERS.items() if locale == language}
        assert set(found) == TYPES | {DEFAULT_TEMPLATE}
        assert {key for key, t in found.items() if t.type == key} == TYPES
        for starter in found.values():
            assert set(starter.channels.channels) == set(Channel)


@pytest.mark.parametrize("key", STARTERS, ids=str)
def test_an_sms_with_example_words_is_two_segments_at_most(key: tuple[str, str]) -> None:
    context = {
        "data": STARTERS[key].example, "title": "A title" if key[0] == DEFAULT_TEMPLATE else "",
        "content": "", "user": {"name": "Ada"},
    }  # fmt: skip
    sms = RENDERER.render(build(STARTERS[key]), context, channel=Channel.SMS)
    size = measure(sms.text)
    assert size.segments <= 2, (size, sms.text)
    assert size.encoding == "GSM-7", sms.text
    assert size.segments == 1 or key[0] != "one_time_code"


@pytest.mark.parametrize("key", STARTERS, ids=str)
def test_each_is_valid_with_its_example(key: tuple[str, str]) -> None:
    starter = STARTERS[key]
    layouts = starter_layouts(starter.locale)
    problems = validate_template(
        starter.channels, starter.variables, starter.example, locale=starter.locale, layouts=layouts
    )
    assert problems == []


@pytest.mark.parametrize("key", STARTERS, ids=str)
def test_each_shows_its_example_without_title_and_content(key: tuple[str, str]) -> None:
    starter = STARTERS[key]
    bare = {k: v for k, v in SAMPLE_CONTEXT.items() if k not in {"title", "content"}}
    if starter.key == DEFAULT_TEMPLATE:
        bare |= {"title": "T", "content": "C"}
    for message in render_all(starter, {**bare, "data": starter.example}):
        assert message.text
        assert "None" not in f"{message.subject or message.title or ''} {message.text}"


@pytest.mark.parametrize("key", STARTERS, ids=str)
def test_a_mail_says_its_language_to_who_has_it_read_aloud(key: tuple[str, str]) -> None:
    context = {**SAMPLE_CONTEXT, "data": STARTERS[key].example}
    page = RENDERER.render(build(STARTERS[key]), context, channel=Channel.EMAIL).html or ""
    assert f'<html lang="{key[1]}"' in page


@pytest.mark.parametrize("key", STARTERS, ids=str)
def test_each_carries_a_bare_title_and_content(key: tuple[str, str]) -> None:
    starter = STARTERS[key]
    for message in render_all(starter, {"title": "My title", "content": "My words", "data": {}}):
        assert "My words" in message.text
        assert (message.subject or message.title) in {None, "My title"}
        assert message.html is None or "My words" in message.html


@pytest.mark.parametrize("key", STARTERS, ids=str)
def test_each_speaks_without_any_data_or_names_what_it_needs(key: tuple[str, str]) -> None:
    starter = STARTERS[key]
    needs = {"one_time_code": "data.code", DEFAULT_TEMPLATE: "title"}
    if starter.key in needs:
        with pytest.raises(MissingVariable) as caught:
            render_all(starter, {"data": {}})
        assert caught.value.name == needs[starter.key]
    else:
        assert all(message.text for message in render_all(starter, {}))


def test_the_default_escapes_content_and_keeps_its_paragraphs() -> None:
    template = build(STARTERS[DEFAULT_TEMPLATE, "en"])
    context = {"title": "Hello", "content": "One <b>two</b>\n\nThree", "user": {}}
    message = RENDERER.render(template, context, channel=Channel.EMAIL)
    assert message.subject == "Hello"
    assert ">One &lt;b&gt;two&lt;/b&gt;</div>" in (message.html or "")
    assert ">Three</div>" in (message.html or "")
    assert message.text.startswith("Hello\n\nOne <b>two</b>\n\nThree\n")
    sms = RENDERER.render(template, context, channel=Channel.SMS)
    assert sms.text.startswith("Hello: One <b>two</b>")


@pytest.mark.parametrize(
    ("available", "wanted", "chosen"),
    [
        (["en", "de"], ["de"], "de"),
        (["en", "de"], ["de-AT"], "de"),
        (["en", "de", "de-AT"], ["de_at"], "de-AT"),
        (["en", "nb"], ["nn"], "nb"),
        (["en", "pt-BR"], ["pt"], "pt-BR"),
        (["en", "zh-Hans", "zh-Hant"], ["zh-TW"], "zh-Hant"),
        (["en", "de"], ["ja"], "en"),
        (["en", "de"], ["ja", "de"], "de"),
        (["en", "de"], [None, ""], "en"),
        (["en", "de"], ["not a tag!"], "en"),
        (["en-GB", "de"], ["ja"], "en-GB"),
        (["de", "fr"], ["ja"], "de"),
    ],
)
def test_the_reader_gets_the_closest_language(
    available: list[str], wanted: list[str | None], chosen: str
) -> None:
    assert choose_locale(available, wanted) == chosen


def test_layouts_fall_back_to_english() -> None:
    assert starter_layouts("xx-YY") == starter_layouts("en")
    assert "default" in starter_layouts("en")
