"""What the delivery path asks about an SMS, by number."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from domain.enums import Category, Channel
from domain.money import Money
from domain.records.catalogue import NotificationType
from domain.sms.pricing import list_prices
from domain.sms.segments import Encoding
from providers.phone import country_of
from services.sms.compliance import SmsCraft

CRAFT = SmsCraft(list_prices(), country_of)
GERMAN, FRENCH, AUSTRIAN, NOWHERE = (
    "+4915123456789",
    "+33612345678",
    "+43664123456",
    "+870773123456",
)


def kind(category: Category, *, legally_transactional: bool = False) -> NotificationType:
    return NotificationType(
        "some", category, (Channel.SMS,), legally_transactional=legally_transactional
    )


def test_marketing_is_prepared_with_the_words_its_reader_needs() -> None:
    sms = CRAFT.prepare(GERMAN, "Neue Jobs!", kind(Category.JOBS), "de")
    assert sms.text == "Neue Jobs!\nZum Abmelden mit STOP antworten."
    assert sms.opt_out_instructions == "Zum Abmelden mit STOP antworten."
    assert (sms.country, sms.size.encoding, sms.size.segments) == ("DE", Encoding.GSM_7, 1)
    assert sms.size.characters == len(sms.text)


@pytest.mark.parametrize(
    "of",
    [
        kind(Category.SECURITY),
        kind(Category.MESSAGES),
        kind(Category.MARKETING, legally_transactional=True),
    ],
)
def test_anything_else_goes_as_it_is(of: NotificationType) -> None:
    sms = CRAFT.prepare(FRENCH, "Votre code: 123456", of, "fr")
    assert (sms.text, sms.opt_out_instructions) == ("Votre code: 123456", None)


def test_a_second_attempt_says_the_same() -> None:
    first = CRAFT.prepare(NOWHERE, "News", kind(Category.MARKETING), "fr")
    assert first == CRAFT.prepare(NOWHERE, "News", kind(Category.MARKETING), "fr")
    assert first.country is None
    assert CRAFT.prepare(NOWHERE, first.text, kind(Category.MARKETING), "fr").text == first.text


def test_a_link_for_those_who_cannot_answer() -> None:
    link = "https://h.example/u"
    sms = CRAFT.prepare(GERMAN, "Neu", kind(Category.MARKETING), "de", link=link)
    assert sms.text == f"Neu\nAbmelden: {link}"


@pytest.mark.parametrize(
    ("number", "order"),
    [
        (GERMAN, ("sns", "twilio")),
        (AUSTRIAN, ("twilio", "sns")),
        (NOWHERE, ("twilio", "sns")),
    ],
)
def test_the_cheapest_way(number: str, order: tuple[str, ...]) -> None:
    assert CRAFT.order(number, ["twilio", "sns"]) == order


def test_the_cost_is_the_number_of_segments_by_the_price() -> None:
    assert CRAFT.cost(GERMAN, "sns", 3) == Money(Decimal("32.157"), "USD")
    assert CRAFT.cost(GERMAN, "pigeon", 3) is None


def test_the_hours_are_those_of_the_numbers_country() -> None:
    night = datetime(2026, 3, 4, 22, 0, tzinfo=UTC)
    assert CRAFT.next_sending_time(GERMAN, night, "UTC") == night
    opens = datetime(2026, 3, 5, 7, 0, tzinfo=UTC)
    assert CRAFT.next_sending_time(FRENCH, night, "Europe/Berlin") == opens
