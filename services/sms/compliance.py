"""SMS before it is sent: what the law adds to it, how long it is, what it costs, which way it goes.

Pure but for the templates an estimate may render: the same number and text always give the same
message, so that a second attempt says what the first one said.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from domain.enums import Channel
from domain.money import Money
from domain.ports.phone import PhoneCountry, PhoneFormatter
from domain.records.catalogue import NotificationType
from domain.rules.sms_windows import next_sending_time
from domain.sms.opt_out import SmsText, with_opt_out
from domain.sms.pricing import PriceBook
from domain.sms.routing import route
from domain.sms.segments import SmsSize, measure
from services.catalogue.reading import Catalogue
from services.catalogue.templates import TemplateService


@dataclass(frozen=True, slots=True)
class PreparedSms:
    """A text as it goes to its number."""

    text: str
    opt_out_instructions: str | None
    """The part of it that says how to opt out."""
    size: SmsSize
    country: str | None


@dataclass(frozen=True, slots=True)
class SmsCraft:
    """What the delivery path asks about an SMS. Numbers are E.164."""

    prices: PriceBook
    country_of: PhoneCountry
    least_saving: Decimal = Decimal(0)
    """The share of the preferred provider's price that another has to save to go first."""

    def prepare(
        self,
        number: str,
        text: str,
        kind: NotificationType,
        language: str | None,
        *,
        link: str | None = None,
    ) -> PreparedSms:
        """The text with opt-out words in `language` where its country and category need them.
        `link`: where to opt out, when the sender cannot be answered."""
        return _prepared(text, self.country_of(number), kind, language, link)

    def order(self, number: str, providers: Sequence[str]) -> tuple[str, ...]:
        """The providers, the cheapest for this number's country first."""
        return route(self.country_of(number), providers, self.prices, self.least_saving)

    def cost(self, number: str, provider: str, segments: int) -> Money | None:
        """What a message of so many segments costs there; None when no price is known."""
        return self.prices.cost(provider, self.country_of(number), segments)

    def next_sending_time(self, number: str, at: datetime, user_zone: str) -> datetime:
        """When a promotional SMS may go to this number: `at` itself if it may then."""
        return next_sending_time(self.country_of(number), at, user_zone)


@dataclass(frozen=True, slots=True)
class EstimateRequest:
    """One of `to` and `country`, and one of `text` and `template`, is given."""

    to: str | None = None
    country: str | None = None
    text: str | None = None
    template: str | None = None
    data: Mapping[str, Any] | None = None
    user: Mapping[str, Any] | None = None
    language: str | None = None
    type: str | None = None
    """With a type, the opt-out words it needs are counted too."""


@dataclass(frozen=True, slots=True)
class ProviderPrice:
    provider: str
    per_segment: Money
    total: Money
    as_of: str
    estimate: bool


@dataclass(frozen=True, slots=True)
class Estimate:
    size: SmsSize
    country: str | None
    opt_out_instructions: str | None
    prices: tuple[ProviderPrice, ...]
    """In the order in which the providers would be tried, if all were set up."""


class SmsEstimateService:
    def __init__(
        self,
        craft: SmsCraft,
        catalogue: Catalogue,
        templates: TemplateService,
        format_phone: PhoneFormatter,
    ) -> None:
        self._craft = craft
        self._catalogue = catalogue
        self._templates = templates
        self._format_phone = format_phone

    async def estimate(self, ask: EstimateRequest) -> Estimate:
        """Raises `Invalid` (`invalid_phone`, `unknown_type`, what cannot be rendered) and
        `NotFound` for the template."""
        country = ask.country
        if ask.to is not None:
            country = self._craft.country_of(self._format_phone(ask.to, country, field="to"))
        kind = await self._catalogue.type(ask.type) if ask.type is not None else None
        prepared = _prepared(await self._text(ask), country, kind, ask.language, None)
        return Estimate(
            prepared.size,
            country,
            prepared.opt_out_instructions,
            self._priced(country, prepared.size.segments),
        )

    async def _text(self, ask: EstimateRequest) -> str:
        if ask.template is None:
            return ask.text or ""
        rendered = await self._templates.render(
            ask.template, Channel.SMS, ask.language, ask.data, ask.user or {}
        )
        return rendered.text

    def _priced(self, country: str | None, segments: int) -> tuple[ProviderPrice, ...]:
        book = self._craft.prices
        order = route(country, book.providers, book)
        found = (
            (name, book.price(name, country), book.cost(name, country, segments)) for name in order
        )
        return tuple(
            ProviderPrice(name, one.money, total, one.as_of, one.estimate)
            for name, one, total in found
            if one is not None and total is not None
        )


def _prepared(
    text: str,
    country: str | None,
    kind: NotificationType | None,
    language: str | None,
    link: str | None,
) -> PreparedSms:
    sms = SmsText(text, None)
    if kind is not None:
        sms = with_opt_out(
            text,
            country,
            language,
            kind.category,
            legally_transactional=kind.legally_transactional,
            link=link,
        )
    return PreparedSms(sms.text, sms.instructions, measure(sms.text), country)
