"""Sizes by known examples, by properties, and against the sandbox's own count."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.sms.segments import BASIC, EXTENSION, Encoding, measure
from sandbox.segments import count_segments

GSM, UCS = Encoding.GSM_7, Encoding.UCS_2
gsm_texts = st.text(st.sampled_from(sorted(BASIC | EXTENSION)), max_size=700)
any_texts = st.text(
    st.one_of(st.characters(exclude_categories=["Cs"]), st.sampled_from("a€😀")), max_size=400
)


@pytest.mark.parametrize(
    ("text", "encoding", "characters", "units", "segments"),
    [
        ("", GSM, 0, 0, 1),
        ("Hello", GSM, 5, 5, 1),
        ("a" * 160, GSM, 160, 160, 1),
        ("a" * 161, GSM, 161, 161, 2),
        ("a" * 306, GSM, 306, 306, 2),
        ("a" * 307, GSM, 307, 307, 3),
        ("a" * 459, GSM, 459, 459, 3),
        ("€" * 80, GSM, 80, 160, 1),
        ("€" * 81, GSM, 81, 162, 2),
        ("a" * 152 + "€" + "b" * 10, GSM, 163, 164, 2),
        ("a" * 152 + "€" + "b" * 151, GSM, 304, 305, 2),
        ("a" * 152 + "€" + "b" * 152, GSM, 305, 306, 3),
        ("Grüße für 5 €, Ærø: Ça va?", GSM, 26, 27, 1),
        ("Grüße für 5 €, ça va?", UCS, 21, 21, 1),
        ("ñ¿¡ÑéÉ", GSM, 6, 6, 1),
        ("ł", UCS, 1, 1, 1),
        ("ж" * 70, UCS, 70, 70, 1),
        ("ж" * 71, UCS, 71, 71, 2),
        ("ж" * 134, UCS, 134, 134, 2),
        ("ж" * 135, UCS, 135, 135, 3),
        ("😀" * 35, UCS, 35, 70, 1),
        ("😀" * 36, UCS, 36, 72, 2),
        ("😀" * 66, UCS, 66, 132, 2),
        ("😀" * 67, UCS, 67, 134, 3),
        ("ж" * 66 + "😀" + "ж" * 3, UCS, 70, 71, 2),
        ("👨‍👩‍👧", UCS, 5, 8, 1),
        ("a’b", UCS, 3, 3, 1),
        ("ç", UCS, 1, 1, 1),
        ("`", UCS, 1, 1, 1),
    ],
)
def test_known_sizes(
    text: str, encoding: Encoding, characters: int, units: int, segments: int
) -> None:
    size = measure(text)
    assert (size.encoding, size.characters, size.units, size.segments) == (
        encoding, characters, units, segments,
    )  # fmt: skip


def test_the_alphabet_has_its_127_characters_and_ten_more() -> None:
    assert len(BASIC) == 127
    assert len(EXTENSION) == 10
    assert not BASIC & EXTENSION


@given(gsm_texts | any_texts)
def test_two_that_never_met_agree(text: str) -> None:
    size = measure(text)
    assert (size.segments, size.encoding) == count_segments(text)


@given(any_texts)
def test_a_size_holds_its_text(text: str) -> None:
    size = measure(text)
    alone, joined = (160, 153) if size.encoding is GSM else (70, 67)
    assert size.units >= size.characters
    assert (size.segments == 1) == (size.units <= alone)
    if size.segments > 1:
        # A pair that would be torn leaves at most one unit of a segment empty.
        assert size.units <= size.segments * joined
        assert size.units > (size.segments - 1) * (joined - 1)


@given(any_texts)
def test_ucs_units_are_those_of_utf_16(text: str) -> None:
    if measure(text).encoding is UCS:
        assert measure(text).units == len(text.encode("utf-16-be")) // 2


@given(any_texts, any_texts)
def test_more_text_is_never_smaller(one: str, other: str) -> None:
    assert measure(one + other).segments >= measure(one).segments
