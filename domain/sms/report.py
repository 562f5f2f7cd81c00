"""What became of the SMS of a period, country by country."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, fields, replace
from datetime import datetime

from domain.money import Money


@dataclass(frozen=True, slots=True)
class SmsCountryFigures:
    """Messages count in the period in which they were sent or, unsent, came to rest."""

    country: str | None
    """ISO 3166-1 alpha-2 of the number; None when it is not known."""
    sent: int = 0
    """Taken by a vendor."""
    segments: int = 0
    delivered: int = 0
    failed: int = 0
    """Refused by a vendor or a network, before or after it was sent."""
    unknown: int = 0
    """A vendor may have it and could not be asked."""
    opted_out_refusals: int = 0
    """Of the failed: the vendor knows the number as opted out."""
    suppressed: int = 0
    skipped_by_consent: int = 0
    skipped_by_preference: int = 0
    skipped_by_limit: int = 0
    held_by_window: int = 0
    """Notifications that waited for the country's sending hours."""
    held_by_limit: int = 0
    """Notifications that waited for a limit."""
    opt_ins: int = 0
    """Answers to the `sms` consent in the period."""
    opt_outs: int = 0
    numbers_suppressed: int = 0
    marketing_sent: int = 0
    """Of the sent: in a category that needs opt-out words, and whose text is on record."""
    marketing_with_opt_out: int = 0
    cost: tuple[Money, ...] = field(default=())
    """One amount a currency, by the prices at the time of sending."""

    @property
    def opt_out_share(self) -> float | None:
        """Of marketing messages, those that say how to opt out; None when there were none."""
        sent = self.marketing_sent
        return self.marketing_with_opt_out / sent if sent else None


COUNTS = tuple(
    item.name for item in fields(SmsCountryFigures) if item.name not in {"country", "cost"}
)


@dataclass(frozen=True, slots=True)
class SmsReport:
    since: datetime
    until: datetime
    countries: tuple[SmsCountryFigures, ...]
    """The one with most messages first."""
    total: SmsCountryFigures


def summed(rows: Iterable[SmsCountryFigures]) -> SmsCountryFigures:
    """All of them as one, of no country."""
    total = SmsCountryFigures(None)
    for row in rows:
        counts = {name: getattr(total, name) + getattr(row, name) for name in COUNTS}
        total = replace(total, **counts, cost=_added(total.cost, row.cost))
    return total


def _added(one: Sequence[Money], other: Sequence[Money]) -> tuple[Money, ...]:
    sums = {money.currency: money.minor for money in one}
    for money in other:
        sums[money.currency] = sums.get(money.currency, money.minor * 0) + money.minor
    return tuple(Money(minor, currency) for currency, minor in sorted(sums.items()))
