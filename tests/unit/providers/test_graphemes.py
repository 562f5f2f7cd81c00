"""A text is never cut inside what a reader takes for one character."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from providers.push.graphemes import boundaries

WHOLE = [
    "a",
    "é",
    "e\u0301",
    "👍🏽",
    "👩‍👩‍👧‍👦",
    "🏳️‍🌈",
    "🇩🇪",
    "❤️",
    "1️⃣",
    "🏴\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f",
    "क्ष",
    "நி",
    "각",
    "\u1100\u1161\u11a8",
    "\r\n",
]


@pytest.mark.parametrize("character", WHOLE, ids=ascii)
def test_one_character_stays_whole(character: str) -> None:
    assert boundaries(character) == [0, len(character)]


@given(st.lists(st.sampled_from(WHOLE), max_size=12))
def test_characters_are_told_apart(characters: list[str]) -> None:
    """Whatever stands beside them, and never inside one."""
    text = "".join(characters)
    starts, at = [0], 0
    for character in characters:
        at += len(character)
        starts.append(at)
    cuts = boundaries(text)
    inside = set(cuts) - set(starts)
    assert not inside
    if not any(c in ("🇩🇪", "각", "\u1100\u1161\u11a8") for c in characters):
        assert cuts == sorted(set(starts))


@given(st.text(max_size=60))
def test_cuts_are_in_order_and_leave_no_mark_alone(text: str) -> None:
    cuts = boundaries(text)
    assert cuts == sorted(set(cuts))
    assert (cuts[0], cuts[-1]) == (0, len(text))
    for cut in cuts[1:-1]:
        if text[cut - 1] not in "\r\n":
            assert not unicodedata.category(text[cut]).startswith("M")
        assert text[cut - 1] != "\u200d"


def test_flags_go_in_pairs() -> None:
    assert boundaries("🇩🇪🇫🇷🇪🇸") == [0, 2, 4, 6]
    assert boundaries("a🇩🇪🇫") == [0, 1, 3, 4]
