"""Making a push message fit, giving up what means least first.

The picture goes first, then the caller's data, largest entry first, then the text's end, then the
buttons; the title last, and what a tap needs never. What fits is left alone, and the same message
is always cut the same way, so that a second attempt says what the first said.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Final

from providers.push.content import PushContent, compact
from providers.push.graphemes import boundaries

ELLIPSIS: Final = "…"
WORTH_READING: Final = 80
"""Characters of text below which the buttons go first."""
TITLE_WORTH_READING: Final = 40
_WORDS_LOST: Final = 0.6
"""A cut goes back to the end of a word unless that leaves less than this share of the text."""

Fits = Callable[[PushContent], bool]


def fit(content: PushContent, size: Callable[[PushContent], int], limit: int) -> PushContent | None:
    """The content with as little given up as makes its `size` at most `limit`; None when even
    the least of it is larger."""

    def fits(candidate: PushContent) -> bool:
        return size(candidate) <= limit

    if fits(content):
        return content
    lean = drop_data(replace(content, image_url=None), fits)
    if fits(lean):
        return lean
    for buttons in dict.fromkeys((lean.actions, ())):
        shorter = _cut_text(replace(lean, actions=buttons), fits, WORTH_READING)
        if shorter is not None:
            return shorter
    return _cut_title(replace(lean, actions=()), fits)


def drop_data(content: PushContent, fits: Fits) -> PushContent:
    """Without the largest entries of the caller's data, as many as it takes; without all of
    them when that is not enough."""
    entries = dict(content.data)
    by_size = sorted(
        entries, key=lambda name: (-len(compact({name: entries[name]}).encode()), name)
    )
    for name in by_size:
        if fits(content):
            break
        del entries[name]
        content = replace(content, data=dict(entries))
    return content


def _cut_text(content: PushContent, fits: Fits, least: int) -> PushContent | None:
    cut = shorten(content.text, lambda text: fits(replace(content, text=text)), least)
    return None if cut is None else replace(content, text=cut)


def _cut_title(content: PushContent, fits: Fits) -> PushContent | None:
    """With a brief text and as much title as possible; else with a brief title and as much text;
    else with a title alone."""
    if not content.title:
        return _cut_text(content, fits, 1)
    title = _brief(content.title, TITLE_WORTH_READING)
    text = _brief(content.text, WORTH_READING)
    return (
        _title_to_fit(replace(content, text=text), fits, TITLE_WORTH_READING)
        or _cut_text(replace(content, title=title), fits, 1)
        or _title_to_fit(replace(content, text=""), fits, 1)
    )


def _title_to_fit(content: PushContent, fits: Fits, least: int) -> PushContent | None:
    cut = shorten(content.title or "", lambda words: fits(replace(content, title=words)), least)
    return None if cut is None else replace(content, title=cut)


def _brief(text: str, most: int) -> str:
    """At most so many characters of it, and the ellipsis."""
    return shorten(text, lambda words: len(boundaries(words)) <= most + 2, 1) or text


def shorten(text: str, fits: Callable[[str], bool], least: int) -> str | None:
    """The text itself when it fits, else the longest beginning that fits with an ellipsis, at
    least `least` characters of it; None when that does not fit."""
    if fits(text):
        return text
    cuts = boundaries(text)[:-1]
    low, high = min(least, len(cuts) - 1), len(cuts) - 1
    if low < 1 or not fits(_ended(text, cuts[low])):
        return None
    while low < high:
        middle = (low + high + 1) // 2
        if fits(_ended(text, cuts[middle])):
            low = middle
        else:
            high = middle - 1
    return _ended(text, _word_end(text, cuts[low]))


def _ended(text: str, at: int) -> str:
    return text[:at].rstrip() + ELLIPSIS


def _word_end(text: str, at: int) -> int:
    """The end of the last whole word before `at`, or `at` when there is none nearby."""
    if text[at : at + 1].isspace():
        return at
    end = at
    while end > at * _WORDS_LOST and not text[end - 1].isspace():
        end -= 1
    return end if end > at * _WORDS_LOST else at
