"""Prices as they stand in the data, an operator's own, and the order they give."""

import json
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.countries import COUNTRIES
from domain.data import load
from domain.money import Money
from domain.sms.pricing import PriceBook, cost, list_prices
from domain.sms.routing import route

PROMISED = [
    "AT", "BE", "BG", "HR", "CY", "CZ", "DK", "EE", "FI", "FR", "DE", "GR", "HU", "IE", "IT",
    "LV", "LT", "LU", "MT", "NL", "PL", "PT", "RO", "SK", "SI", "ES", "SE", "IS", "LI", "NO",
    "GB", "CH", "TR", "US", "CA", "AU", "IN", "BR", "MX",
]  # fmt: skip


def book(**providers: object) -> PriceBook:
    tables = {
        name: {"currency": "USD", "asOf": "2026-01-01", "countries": {}} | dict(given)  # type: ignore[call-overload]
        for name, given in providers.items()
    }
    return PriceBook.parse(json.dumps({"providers": tables}))


@pytest.mark.parametrize("provider", ["twilio", "sns"])
@pytest.mark.parametrize("country", PROMISED)
def test_every_promised_country_is_listed(provider: str, country: str) -> None:
    price = list_prices().price(provider, country)
    assert price is not None
    assert price.money.currency == "USD"
    assert Decimal("0.1") < price.money.minor < 50
    assert country in load("sms_prices")["providers"][provider]["countries"]


def test_every_table_says_where_it_is_from_and_of_when() -> None:
    for table in load("sms_prices")["providers"].values():
        assert table["source"].startswith("https://")
        assert table["asOf"][:4] == table["retrieved"][:4] == "2026"
        assert table["note"]
        assert table["default"]["estimate"] is True
        assert set(table["countries"]) <= COUNTRIES


@pytest.mark.parametrize(
    ("provider", "country", "segments", "minor"),
    [
        ("sns", "DE", 1, "10.719"),
        ("sns", "de", 3, "32.157"),
        ("twilio", "US", 2, "1.66"),
        ("twilio", "AT", 1, "9.79"),
        ("twilio", "ZZ", 2, "30"),
        ("sns", None, 1, "15"),
    ],
)
def test_costs(provider: str, country: str | None, segments: int, minor: str) -> None:
    assert cost(provider, country, segments) == Money(Decimal(minor), "USD")


def test_a_provider_without_a_table_has_no_price() -> None:
    assert cost("pigeon", "DE", 1) is None
    assert book(own={}).cost("own", "DE", 1) is None


def test_what_is_not_listed_is_an_estimate() -> None:
    prices = list_prices()
    found = [prices.price("twilio", country) for country in ("DE", "NL", "UZ")]
    assert [price and price.estimate for price in found] == [False, True, True]


@pytest.mark.parametrize(
    ("country", "given", "expected"),
    [
        ("DE", ("twilio", "sns"), ("sns", "twilio")),
        ("AT", ("sns", "twilio"), ("twilio", "sns")),
        ("AT", ("twilio", "sns"), ("twilio", "sns")),
        ("UZ", ("twilio", "sns"), ("twilio", "sns")),
        ("NL", ("sns", "twilio"), ("sns", "twilio")),
        (None, ("twilio", "sns"), ("twilio", "sns")),
        ("DE", ("pigeon", "twilio", "sns"), ("pigeon", "sns", "twilio")),
        ("DE", ("twilio", "pigeon", "sns"), ("sns", "pigeon", "twilio")),
        ("DE", (), ()),
    ],
)
def test_the_cheapest_true_price_goes_first(
    country: str | None, given: tuple[str, ...], expected: tuple[str, ...]
) -> None:
    assert route(country, given) == expected


def test_amounts_in_different_currencies_are_not_compared() -> None:
    prices = book(
        a={"countries": {"DE": {"price": "9"}}},
        b={"currency": "EUR", "countries": {"DE": {"price": "1"}}},
        c={"countries": {"DE": {"price": "5"}}},
    )
    assert route("DE", ("a", "b", "c"), prices) == ("c", "b", "a")


def test_equal_prices_keep_the_order_given() -> None:
    prices = book(a={"countries": {"DE": {"price": "9"}}}, b={"countries": {"DE": {"price": "9"}}})
    assert route("DE", ("b", "a"), prices) == ("b", "a")
    assert route("DE", ("a", "b"), prices) == ("a", "b")


def test_an_operators_own_table_takes_the_place_of_the_list() -> None:
    own = book(twilio={"currency": "EUR", "countries": {"de": {"price": "0.5"}}})
    prices = list_prices().overridden_by(own)
    assert prices.cost("twilio", "DE", 2) == Money(Decimal("1.0"), "EUR")
    assert prices.price("twilio", "FR") is None
    assert prices.cost("sns", "DE", 1) == cost("sns", "DE", 1)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{}",
        '{"providers": {"a": {"currency": "usd", "asOf": "2026-01-01", "countries": {}}}}',
        '{"providers": {"a": {"currency": "USD", "asOf": "soon", "countries": {}}}}',
        '{"providers": {"a": {"currency": "USD", "asOf": "2026-01-01", "countries": '
        '{"Germany": {"price": "1"}}}}}',
        '{"providers": {"a": {"currency": "USD", "asOf": "2026-01-01", "countries": '
        '{"DE": {"price": "-1"}}}}}',
        '{"providers": {"a": {"currency": "USD", "asOf": "2026-01-01", "countries": '
        '{"DE": {"prize": "1"}}}}}',
    ],
)
def test_a_price_file_with_a_mistake_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="PriceFile"):
        PriceBook.parse(text)


@given(st.permutations(["twilio", "sns", "pigeon"]), st.sampled_from(sorted(COUNTRIES)))
def test_routing_loses_nobody_and_is_settled(order: list[str], country: str) -> None:
    routed = route(country, order)
    assert sorted(routed) == sorted(order)
    assert route(country, routed) == routed
