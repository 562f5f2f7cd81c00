"""Opt-out words: where they are needed, in which language, once, and without a segment more."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.enums import Category
from domain.sms.opt_out import (
    find_opt_out,
    generate_opt_out_instructions,
    is_answerable,
    needs_opt_out,
    opt_out_data,
    with_opt_out,
)
from domain.sms.segments import is_gsm, measure

MARKETING = Category.MARKETING
PROMOTIONAL = {Category.MARKETING, Category.ANNOUNCEMENTS, Category.JOBS}
LANGUAGES = sorted(opt_out_data().texts)
OTHER_SCRIPTS = {"el", "bg", "uk", "ru", "ar", "he", "hi", "ja", "ko", "zh"}


@pytest.mark.parametrize("category", list(Category))
@pytest.mark.parametrize("country", ["DE", "us", "BR", None])
def test_only_promotional_messages_need_them(country: str | None, category: Category) -> None:
    needed = category in PROMOTIONAL
    assert needs_opt_out(country, category) is needed
    assert (generate_opt_out_instructions(country, "en", category) is not None) is needed


@pytest.mark.parametrize(
    ("language", "words"),
    [
        ("en", "Reply STOP to opt out."),
        ("de-AT", "Zum Abmelden mit STOP antworten."),
        ("pt_BR", "Responda STOP para cancelar."),
        ("FR", "Pour ne plus recevoir de SMS, répondez STOP."),
        ("no", "Svar STOP for å melde deg av."),
        ("xx", "Reply STOP to opt out."),
        (None, "Reply STOP to opt out."),
    ],
)
def test_the_language_is_the_readers(language: str | None, words: str) -> None:
    assert generate_opt_out_instructions("DE", language, MARKETING) == words


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_languages_words(language: str) -> None:
    words = opt_out_data().texts[language]
    assert "STOP" in words.long
    assert "STOP" in words.short
    assert len(words.short) <= len(words.long) <= 50
    assert find_opt_out(f"Hallo!\n{words.long}") is not None
    assert find_opt_out(f"Hallo!\n{words.short}") is not None
    if language not in OTHER_SCRIPTS:
        assert is_gsm(words.long + words.short + words.link)


def test_every_rule_names_its_law_source_and_date() -> None:
    listed: list[str] = []
    for rule in opt_out_data().rules:
        assert rule.law
        assert rule.source.startswith("https://")
        assert rule.as_of.year > 1990
        listed += rule.countries
    assert len(listed) == len(set(listed)) > 40


def test_the_words_stand_on_a_line_of_their_own() -> None:
    sms = with_opt_out("New jobs for you. ", "GB", "en", MARKETING)
    assert sms.text == "New jobs for you.\nReply STOP to opt out."
    assert sms.instructions == "Reply STOP to opt out."


@pytest.mark.parametrize(
    ("length", "words"),
    [
        (127, "Zum Abmelden mit STOP antworten."),
        (128, "Abmelden: STOP"),
        (145, "Abmelden: STOP"),
        (146, "Zum Abmelden mit STOP antworten."),
        (273, "Zum Abmelden mit STOP antworten."),
        (274, "Abmelden: STOP"),
    ],
)
def test_the_short_form_is_taken_when_it_saves_a_segment(length: int, words: str) -> None:
    assert with_opt_out("a" * length, "DE", "de", MARKETING).instructions == words


@pytest.mark.parametrize(
    "text",
    [
        "Sale! Reply STOP to end",
        "Sale! Text 'STOP' to 12345",
        "Sale. STOP=END",
        "Angebot. Abmelden: STOP",
        "Angebot. Zum Abbestellen antworten Sie bitte.",
        "Promo. STOP au 36180",
        "Promo. Envoyez STOP",
        "Oferta. Baja: STOP",
        "Unsubscribe at https://example.com/u",
        "Скидки. Чтобы отписаться, нажмите",
        "优惠 退订回T",
    ],
)
def test_what_the_author_said_is_not_said_again(text: str) -> None:
    sms = with_opt_out(text, "DE", "en", MARKETING)
    assert sms.text == text
    assert sms.instructions is not None
    assert sms.instructions in text


@pytest.mark.parametrize(
    "text",
    ["Don't stop to look!", "STOP paying too much", "Next bus stop: Main St", "Non-stop flights"],
)
def test_other_stops_are_no_instructions(text: str) -> None:
    assert find_opt_out(text) is None
    assert with_opt_out(text, "US", "en", MARKETING).text != text


def test_what_is_legally_transactional_stays_as_it_is() -> None:
    sms = with_opt_out("Your interview is at 9.", "US", "en", MARKETING, legally_transactional=True)
    assert (sms.text, sms.instructions) == ("Your interview is at 9.", None)


def test_a_sender_nobody_can_answer_gives_a_link() -> None:
    link = "https://herald.example/u/abc"
    sms = with_opt_out("Neue Jobs", "DE", "de", MARKETING, link=link)
    assert sms.text == f"Neue Jobs\nAbmelden: {link}"
    assert with_opt_out(f"Neue Jobs {link}", "DE", "de", MARKETING, link=link).instructions == link


@given(
    st.text(st.characters(exclude_categories=["Cs"]), max_size=330),
    st.sampled_from(LANGUAGES),
    st.sampled_from(["DE", "US", None]),
)
def test_words_are_added_once_and_as_cheaply_as_can_be(
    text: str, language: str, country: str | None
) -> None:
    once = with_opt_out(text, country, language, MARKETING)
    assert once.instructions is not None
    assert with_opt_out(once.text, country, language, MARKETING).text == once.text
    if once.text != text:
        words = opt_out_data().texts[language]
        sizes = [measure(f"{text.rstrip()}\n{form}") for form in (words.long, words.short)]
        assert measure(once.text).segments == min(size.segments for size in sizes)
        assert once.text.startswith(text.rstrip())


@pytest.mark.parametrize(
    ("sender", "answerable"),
    [("+15005550006", True), ("12345", True), ("MG" + "0a" * 16, True), ("Jobs24", False)],
)
def test_a_name_cannot_be_answered(sender: str, answerable: bool) -> None:
    assert is_answerable(sender) is answerable
