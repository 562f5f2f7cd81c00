"""What an SMS costs: the vendors' list prices by destination country, or an operator's own.

Prices are per segment, in hundredths of a currency and fractions of them. A price that is only an
estimate serves to say what a message may cost; it never decides which vendor sends it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from typing import Annotated

from pydantic import Field, TypeAdapter

from domain.countries import CountryCode
from domain.data import Fact, load
from domain.money import Money

_Day = Annotated[str, Field(pattern=r"^\d{4}-\d{2}(-\d{2})?$")]


class _Entry(Fact):
    note: str | None = None
    source: str | None = None


class ListPrice(_Entry):
    price: Annotated[Decimal, Field(ge=0, max_digits=12, decimal_places=4)]
    """Per segment, in minor units."""
    as_of: _Day | None = None
    """A day or a month; the table's own when absent."""
    estimate: bool = False


class PriceTable(_Entry):
    currency: Annotated[str, Field(pattern="^[A-Z]{3}$")]
    as_of: _Day
    retrieved: _Day | None = None
    default: ListPrice | None = None
    """For countries that are not listed."""
    countries: Mapping[CountryCode, ListPrice]


class PriceFile(_Entry):
    about: str | None = None
    providers: Mapping[str, PriceTable]


_FILE: TypeAdapter[PriceFile] = TypeAdapter(PriceFile)


@dataclass(frozen=True, slots=True)
class SegmentPrice:
    money: Money
    as_of: str
    estimate: bool


class PriceBook:
    """Price tables by provider. `PriceBook.parse` reads a file's content."""

    def __init__(self, tables: Mapping[str, PriceTable]) -> None:
        self._tables = dict(tables)

    @staticmethod
    def parse(text: str | bytes) -> "PriceBook":
        """Of a JSON text shaped like `domain/data/sms_prices.json`. Raises `ValueError` naming
        what is wrong with it."""
        return PriceBook(_FILE.validate_json(text).providers)

    @property
    def providers(self) -> tuple[str, ...]:
        return tuple(self._tables)

    def overridden_by(self, own: "PriceBook") -> "PriceBook":
        """The same book, with the tables of `own` in place of those of the same providers."""
        return PriceBook(self._tables | own._tables)

    def price(self, provider: str, country: str | None) -> SegmentPrice | None:
        """Of one segment. None when nothing is known."""
        table = self._tables.get(provider)
        if table is None:
            return None
        listed = table.countries.get(country.upper()) if country else None
        found = listed or table.default
        if found is None:
            return None
        return SegmentPrice(
            Money(found.price, table.currency),
            found.as_of or table.as_of,
            found.estimate or listed is None,
        )

    def cost(self, provider: str, country: str | None, segments: int) -> Money | None:
        """What so many segments cost, estimates included. None when nothing is known."""
        one = self.price(provider, country)
        return Money(one.money.minor * segments, one.money.currency) if one else None

    def route(
        self, country: str | None, providers: Sequence[str], least_saving: Decimal = Decimal(0)
    ) -> tuple[str, ...]:
        """The providers, the cheapest for this country first, as far as it saves at least this
        share of what the preferred one costs; the rest keeps its order. One without a true price
        in the first priced one's currency keeps its place."""
        order = list(providers)
        prices = {name: self.price(name, country) for name in order}
        known = {name: p for name, p in prices.items() if p is not None and not p.estimate}
        currency = next((p.money.currency for p in known.values()), None)
        comparable = {n: p.money.minor for n, p in known.items() if p.money.currency == currency}
        ranked = iter(_ranked(comparable, least_saving))
        return tuple(next(ranked) if name in comparable else name for name in order)


def _ranked(prices: Mapping[str, Decimal], least_saving: Decimal) -> Sequence[str]:
    """Names in the order of preference, each giving way to the cheapest that saves enough."""
    left, ranked = list(prices), []
    while left:
        cheapest = min(left, key=prices.__getitem__)
        worth_it = prices[cheapest] <= prices[left[0]] * (1 - least_saving)
        ranked.append(cheapest if worth_it else left[0])
        left.remove(ranked[-1])
    return ranked


@cache
def list_prices() -> PriceBook:
    """The vendors' list prices that come with Herald."""
    return PriceBook(_FILE.validate_python(load("sms_prices")).providers)


def cost(provider: str, country: str | None, segments: int) -> Money | None:
    """By the list prices; see `PriceBook.cost`."""
    return list_prices().cost(provider, country, segments)
