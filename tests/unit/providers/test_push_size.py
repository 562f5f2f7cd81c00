"""What is given up to make a push message fit: as little as possible, in an order that keeps its
meaning, and the same every time."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.content import PushAction
from providers.push.content import PushContent, compact
from providers.push.graphemes import boundaries
from providers.push.size import ELLIPSIS, TITLE_WORTH_READING, WORTH_READING, fit

IMAGE = "https://example.com/picture.png"
BUTTONS = (PushAction(id="apply", title="Apply"), PushAction(id="later", title="Later"))
characters = st.characters(codec="utf-8") | st.sampled_from(
    ["a", "👩‍👩‍👧", "🇩🇪", "e\u0301", " ", "\n", '"']
)
words = st.lists(characters, max_size=200).map("".join)
contents = st.builds(
    PushContent,
    title=st.none() | words.filter(bool),
    text=words,
    image_url=st.none() | st.just(IMAGE),
    data=st.dictionaries(st.text(max_size=8), words | st.integers() | st.lists(words), max_size=6),
    actions=st.sampled_from([(), BUTTONS]),
    click_action=st.none() | st.just("https://example.com/jobs/1"),
    badge=st.none() | st.integers(0, 99),
)


def size(content: PushContent) -> int:
    """Everything there is, as JSON."""
    shown: dict[str, Any] = {
        "title": content.title,
        "text": content.text,
        "image": content.image_url,
        "data": dict(content.data),
        "actions": [action.model_dump(mode="json") for action in content.actions],
        "click": content.click_action,
        "badge": content.badge,
    }
    return len(compact(shown).encode())


@given(contents, st.integers(100, 2_500))
def test_the_result_fits_and_only_the_order_of_sacrifice_is_followed(
    content: PushContent, limit: int
) -> None:
    fitted = fit(content, size, limit)
    if size(content) <= limit:
        assert fitted is content
        return
    if fitted is None:
        assert size(_least(content)) > limit
        return
    assert size(fitted) <= limit
    assert fit(content, size, limit) == fitted
    assert (fitted.click_action, fitted.badge) == (content.click_action, content.badge)
    assert fitted.image_url is None
    assert fitted.data.items() <= content.data.items()
    for cut, whole in ((fitted.text, content.text), (fitted.title, content.title)):
        _check_cut(cut or "", whole or "")
    if fitted.text != content.text:
        assert not fitted.data
    if fitted.actions != content.actions:
        assert not fitted.actions
        assert not fitted.data
    if fitted.title != content.title:
        assert not fitted.actions
        assert len(boundaries(fitted.text)) <= WORTH_READING + 2


def _least(content: PushContent) -> PushContent:
    """One character of the title, or of the text when there is no title."""
    whole = content.title or content.text
    cuts = boundaries(whole)
    first = whole if len(cuts) <= 2 else whole[: cuts[1]].rstrip() + ELLIPSIS
    bare = replace(content, image_url=None, data={}, actions=(), text="")
    return replace(bare, title=first) if content.title else replace(bare, text=first)


def _check_cut(cut: str, whole: str) -> None:
    """The whole, or a beginning of whole characters with an ellipsis."""
    if cut in (whole, ""):
        return
    assert cut.endswith(ELLIPSIS)
    start = cut.removesuffix(ELLIPSIS)
    assert whole.startswith(start)
    ends = {whole[:at].rstrip() for at in boundaries(whole)}
    assert start in ends


@given(contents)
def test_one_byte_decides(content: PushContent) -> None:
    assert fit(content, size, size(content)) is content
    fitted = fit(content, size, size(content) - 1)
    assert fitted is None or fitted != content


def test_the_picture_goes_first_and_alone_when_that_is_enough() -> None:
    content = PushContent("T", "Text", IMAGE, {"jobId": "7"}, BUTTONS)
    assert fit(content, size, size(content) - 1) == replace(content, image_url=None)


def test_then_the_data_largest_first() -> None:
    data = {"b": "x" * 50, "a": "x" * 50, "long": ["y" * 90], "short": 1}
    content = PushContent("T", "Text", None, data)

    def left(limit: int) -> set[str]:
        fitted = fit(content, size, limit)
        assert fitted is not None
        assert fitted.text == "Text"
        return set(fitted.data)

    assert left(size(content) - 1) == {"a", "b", "short"}
    assert left(size(content) - 110) == {"b", "short"}
    assert left(size(content) - 170) == {"short"}
    assert left(size(replace(content, data={}))) == set()


def test_then_the_end_of_the_text_at_a_word() -> None:
    text = "word " * 100
    fitted = fit(PushContent("Title", text, None, {}, BUTTONS), size, 500)
    assert fitted is not None
    assert (fitted.title, fitted.actions) == ("Title", BUTTONS)
    assert fitted.text.endswith("word…")
    assert size(fitted) > 490


def test_a_word_without_end_is_cut_where_it_must() -> None:
    fitted = fit(PushContent("Title", "short " + "x" * 3_000), size, 500)
    assert fitted is not None
    assert size(fitted) == 500


def test_buttons_go_before_the_text_is_too_short_to_read() -> None:
    content = PushContent("Title", "word " * 60, None, {}, BUTTONS)
    room = size(replace(content, text="")) + WORTH_READING
    fitted = fit(content, size, room - 10)
    assert fitted is not None
    assert fitted.actions == ()
    assert len(fitted.text) > WORTH_READING * 0.6


def test_the_title_goes_last() -> None:
    content = PushContent("Title " * 80, "word " * 60)
    fitted = fit(content, size, 400)
    assert fitted is not None
    assert fitted.title is not None
    assert len(fitted.title) >= TITLE_WORTH_READING * 0.6
    assert len(fitted.text) <= WORTH_READING + 1
    short = fit(PushContent("A short title", "word " * 60), size, 140)
    assert short is not None
    assert short.title == "A short title"
    assert short.text.endswith("…")
    least = fit(content, size, size(PushContent("Ti…", "")))
    assert least == PushContent("Ti…", "")


@pytest.mark.parametrize("title", [None, "T"])
def test_what_cannot_fit_is_none(title: str | None) -> None:
    content = PushContent(title, "Text", click_action="x" * 600)
    assert fit(content, size, 500) is None
