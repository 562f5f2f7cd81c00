"""Reports on what was sent and what held it back."""

from datetime import datetime, timedelta
from typing import Final

from domain.errors import FieldError, Invalid
from domain.ports.runtime import Clock
from domain.ports.storage import UnitOfWork
from domain.sms.opt_out import opt_out_data
from domain.sms.report import SmsReport, summed

USUAL_PERIOD: Final = timedelta(days=30)
LONGEST_PERIOD: Final = timedelta(days=366)


class ReportService:
    def __init__(self, uow: UnitOfWork, clock: Clock) -> None:
        self._uow = uow
        self._clock = clock

    async def sms_compliance(
        self, since: datetime | None, until: datetime | None, country: str | None
    ) -> SmsReport:
        """The period [since, until): the 30 days before `until`, which is now, unless said
        otherwise. Raises `Invalid("invalid_period")` for one that is empty or over a year."""
        until = until or self._clock()
        since = since or until - USUAL_PERIOD
        if not timedelta(0) < until - since <= LONGEST_PERIOD:
            detail = "A period ends after it begins and within 366 days."
            raise Invalid(
                "invalid_period", detail, errors=(FieldError("from", "invalid_period", detail),)
            )
        marketing = [category.value for category in opt_out_data().categories]
        async with self._uow() as tx:
            found = await tx.reports.sms(since, until, country, marketing)
        rows = sorted(found, key=lambda row: (-row.sent, row.country or "~"))
        return SmsReport(since, until, tuple(rows), summed(rows))
