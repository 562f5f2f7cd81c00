"""Keywords by SMS: understood however a person types them, and nothing else is taken for one."""

import unicodedata
from datetime import date
from urllib.parse import urlparse

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.data import load
from domain.rules.sms_keywords import KEYWORDS, LONGEST, Keyword, keyword_of, normalised

DATA = load("sms_keywords")
LANGUAGES = ("en", "de", "fr", "es", "it", "nl", "pl", "pt", "tr")
EVERY = [
    (language, keyword, word)
    for language, words in DATA["languages"].items()
    for keyword in Keyword
    for word in words[keyword]
]
FORMS = ("NFC", "NFD", "NFKC", "NFKD")
NOISE = st.text(alphabet=" \t\n.!?,;:-*\"'()…¡¿🛑", max_size=5)


def wide(text: str) -> str:
    """As a Japanese keyboard types it."""
    return "".join(chr(ord(c) + 0xFEE0) if "!" <= c <= "~" else c for c in text)


def unaccented(text: str) -> str:
    return "".join(c for c in unicodedata.normalize("NFD", text) if not unicodedata.combining(c))


DISGUISES = (str, str.lower, str.upper, str.capitalize, unaccented, wide)


def test_every_language_has_every_word_and_a_source_with_a_date() -> None:
    assert set(LANGUAGES) <= set(DATA["languages"])
    date.fromisoformat(DATA["asOf"])
    for source in DATA["sources"].values():
        date.fromisoformat(source["retrieved"])
        assert source["note"]
        assert source["url"] is None or urlparse(source["url"]).scheme == "https"
    for words in DATA["languages"].values():
        assert words["sources"]
        assert set(words["sources"]) <= set(DATA["sources"])
        for keyword in (Keyword.STOP, Keyword.START, Keyword.HELP):
            assert words[keyword]


@pytest.mark.parametrize(("language", "keyword", "word"), EVERY)
def test_each_word_means_what_its_list_says(language: str, keyword: Keyword, word: str) -> None:
    assert len(word) <= LONGEST
    for disguise in DISGUISES:
        asked = keyword_of(disguise(word))
        assert asked is not None, disguise(word)
        assert asked.keyword is keyword
        assert language in asked.languages


@given(st.sampled_from(EVERY), st.sampled_from(DISGUISES), st.sampled_from(FORMS), NOISE, NOISE)
def test_case_accents_punctuation_and_spaces_make_no_difference(
    entry: tuple[str, Keyword, str], disguise: object, form: str, before: str, after: str
) -> None:
    _, keyword, word = entry
    assert callable(disguise)
    typed = before + unicodedata.normalize(form, disguise(word)) + after  # type: ignore[arg-type]
    asked = keyword_of(typed)
    assert asked is not None
    assert asked.keyword is keyword


@given(st.sampled_from(EVERY), st.text(alphabet="abcdefghijklmnopqrstuvwxyz", min_size=1))
def test_a_word_among_others_is_no_keyword(entry: tuple[str, Keyword, str], more: str) -> None:
    for text in (f"{entry[2]} {more}", f"{more} {entry[2]}"):
        asked = keyword_of(text)
        assert (asked is not None) is (normalised(text) in KEYWORDS and len(text) <= LONGEST)


@given(st.text())
def test_any_text_has_one_normal_form_and_at_most_one_meaning(text: str) -> None:
    plain = normalised(text)
    assert normalised(plain) == plain
    assert plain == "" or plain.isalnum()
    asked = keyword_of(text)
    assert (asked is None) or KEYWORDS[plain] is asked


@given(st.text() | st.sampled_from([word for *_, word in EVERY]))
def test_what_the_vendor_took_it_for_is_what_it_means(text: str) -> None:
    for word in ("STOP", "START", "HELP"):
        asked = keyword_of(text, word)
        assert asked is not None
        assert asked.keyword.value == word.lower()
    for unknown in (None, "", "PAUSE", "AFFIRM"):
        assert keyword_of(text, unknown) == keyword_of(text)


@pytest.mark.parametrize(
    "text",
    [
        "", " ", "...", "🛑", "please stop", "STOP please", "I cannot stop thinking of the offer",
        "nonstop", "s t o p p e r", "yes, Tuesday suits me", "stop" + "!" * LONGEST,
    ],
)  # fmt: skip
def test_what_people_write_to_people_is_no_keyword(text: str) -> None:
    assert keyword_of(text) is None


@pytest.mark.parametrize(
    ("text", "keyword"),
    [
        ("STOP", Keyword.STOP), ("Stopp!", Keyword.STOP), ("stop all", Keyword.STOP),
        ("arret", Keyword.STOP), ("Désabonner.", Keyword.STOP), ("ıptal", Keyword.STOP),
        ("İPTAL", Keyword.STOP), ("Unstop", Keyword.START), ("wznow", Keyword.START),
        ("Ja", Keyword.AFFIRM), ("¿Ayuda?", Keyword.HELP), ("help", Keyword.HELP),
    ],
)  # fmt: skip
def test_what_people_do_write(text: str, keyword: Keyword) -> None:
    asked = keyword_of(text)
    assert asked is not None
    assert asked.keyword is keyword
