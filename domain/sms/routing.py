"""Which vendor an SMS is tried with first: the cheapest for its destination."""

from collections.abc import Sequence
from decimal import Decimal

from domain.sms.pricing import PriceBook, list_prices


def route(
    country: str | None,
    providers: Sequence[str],
    prices: PriceBook | None = None,
    least_saving: Decimal = Decimal(0),
) -> tuple[str, ...]:
    """The providers in the order to try them; as given when the country or a price is unknown
    or equal. `prices` are the list prices unless an operator has their own."""
    book = prices or list_prices()
    return book.route(country, providers, least_saving) if country else tuple(providers)
