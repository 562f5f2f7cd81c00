"""Reports and price estimates on the wire."""

import csv
import io
from datetime import datetime
from typing import Annotated, Any, Literal, Self

from pydantic import Field, JsonValue, model_validator
from pydantic.alias_generators import to_camel

from api.schemas.common import Locale
from domain.base import Instant, TemplateKey, TypeName, Wire
from domain.countries import CountryCode
from domain.money import Money
from domain.sms.report import COUNTS, SmsCountryFigures, SmsReport
from domain.sms.segments import Encoding
from services.sms.compliance import Estimate, EstimateRequest


class MoneyOut(Wire):
    minor: float = Field(description="Hundredths of the currency, and fractions of them.")
    currency: str

    @staticmethod
    def of(money: Money) -> "MoneyOut":
        return MoneyOut(minor=float(money.minor), currency=money.currency)


class SmsReportQuery(Wire):
    since: Instant | None = Field(
        default=None, alias="from", description="30 days before `to` when absent."
    )
    until: Instant | None = Field(default=None, alias="to", description="Not included; now.")
    country: CountryCode | None = None
    format: Literal["json", "csv"] | None = Field(
        default=None, description="Otherwise the `Accept` header decides."
    )


class SmsFiguresOut(Wire):
    """A message counts when it was sent or, unsent, when it came to rest."""

    country: str | None = Field(description="Of the number; null when it is not known.")
    sent: int
    segments: int
    cost: list[MoneyOut] = Field(description="By the prices at the time of sending.")
    delivered: int
    failed: int
    unknown: int
    opted_out_refusals: int = Field(description="Refused by the vendor: the number opted out.")
    suppressed: int
    skipped_by_consent: int
    skipped_by_preference: int
    skipped_by_limit: int
    held_by_window: int = Field(description="Waited for the country's sending hours.")
    held_by_limit: int
    opt_ins: int = Field(description="Answers to the `sms` consent.")
    opt_outs: int
    numbers_suppressed: int
    marketing_sent: int = Field(description="Of a category that must say how to opt out.")
    marketing_with_opt_out: int
    opt_out_share: float | None = Field(description="0 to 1; null when nothing was sent.")

    @staticmethod
    def of(row: SmsCountryFigures) -> "SmsFiguresOut":
        return SmsFiguresOut(
            country=row.country,
            cost=[MoneyOut.of(money) for money in row.cost],
            opt_out_share=row.opt_out_share,
            **{name: getattr(row, name) for name in COUNTS},
        )


class SmsReportOut(Wire):
    since: datetime = Field(alias="from")
    until: datetime = Field(alias="to")
    data: list[SmsFiguresOut]
    total: SmsFiguresOut

    @staticmethod
    def of(report: SmsReport) -> "SmsReportOut":
        return SmsReportOut(
            since=report.since,
            until=report.until,
            data=[SmsFiguresOut.of(row) for row in report.countries],
            total=SmsFiguresOut.of(report.total),
        )


def sms_csv(report: SmsReport) -> str:
    """A line for each country; RFC 4180, with a heading. `cost` is `USD 107.19`, several amounts
    parted by semicolons, in minor units as in JSON."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow([to_camel(name) for name in ("country", *COUNTS, "cost", "opt_out_share")])
    for row in report.countries:
        cost = "; ".join(f"{money.currency} {money.minor.normalize():f}" for money in row.cost)
        share = "" if row.opt_out_share is None else f"{row.opt_out_share:.4f}"
        counts: list[Any] = [getattr(row, name) for name in COUNTS]
        writer.writerow([row.country or "", *counts, cost, share])
    return out.getvalue()


class EstimateIn(Wire):
    """`to` or `country`, and `text` or `template`."""

    to: Annotated[str, Field(min_length=1, max_length=40)] | None = Field(
        default=None, description="E.164, or the national form of `country`."
    )
    country: CountryCode | None = None
    text: Annotated[str, Field(max_length=10_000)] | None = None
    template: TemplateKey | None = None
    data: dict[str, JsonValue] | None = Field(
        default=None, description="For the template; its own example when absent."
    )
    user: dict[str, JsonValue] = Field(default_factory=dict)
    language: Locale | None = Field(
        default=None, description="Of the template and of the opt-out words."
    )
    type: TypeName | None = Field(
        default=None, description="With it, the opt-out words it needs are counted."
    )

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if self.to is None and self.country is None:
            raise ValueError("needs to or country")
        if (self.text is None) == (self.template is None):
            raise ValueError("needs one of text and template")
        return self

    def request(self) -> EstimateRequest:
        return EstimateRequest(**dict(self))


class ProviderPriceOut(Wire):
    provider: str
    per_segment: float = Field(description="Minor units, and fractions of them.")
    total: float
    currency: str
    estimate: bool = Field(description="No list price is known for the country.")
    as_of: str = Field(description="The day or month of the price list.")


class EstimateOut(Wire):
    encoding: Encoding
    characters: int
    units: int = Field(description="Septets in GSM-7, UTF-16 code units in UCS-2.")
    segments: int
    country: str | None
    opt_out_instructions: str | None = Field(description="Words counted in, or found in the text.")
    prices: list[ProviderPriceOut] = Field(description="In the order of cost routing.")

    @staticmethod
    def of(estimate: Estimate) -> "EstimateOut":
        return EstimateOut(
            encoding=estimate.size.encoding,
            characters=estimate.size.characters,
            units=estimate.size.units,
            segments=estimate.size.segments,
            country=estimate.country,
            opt_out_instructions=estimate.opt_out_instructions,
            prices=[
                ProviderPriceOut(
                    provider=item.provider,
                    per_segment=float(item.per_segment.minor),
                    total=float(item.total.minor),
                    currency=item.total.currency,
                    estimate=item.estimate,
                    as_of=item.as_of,
                )
                for item in estimate.prices
            ],
        )
