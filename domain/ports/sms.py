"""What SMS asks of the database."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Protocol
from uuid import UUID

from domain.sms.limits import NumberLimit
from domain.sms.report import SmsCountryFigures


class NumberUsageRepository(Protocol):
    """Messages by number, whoever they are for."""

    def hash_of(self, number: str) -> str:
        """What an E.164 number is known by here."""

    async def reserve(
        self,
        number_hash: str,
        notification_id: UUID,
        at: datetime,
        limits: Sequence[NumberLimit],
    ) -> datetime | None:
        """Counts the notification against its number. None: it may go, now and at every later
        call; else nothing is counted, and the instant is when it may be tried again. Calls for
        one number wait for each other until their transactions end, so that limits are exact.
        Without limits it is counted whatever the number had."""

    async def release(self, number_hash: str, notification_id: UUID) -> None:
        """It was not sent after all."""

    async def forget(self, before: datetime) -> int:
        """Drops what no window reaches any more. Returns how many."""


class ReportRepository(Protocol):
    async def sms(
        self,
        since: datetime,
        until: datetime,
        country: str | None,
        marketing: Collection[str],
    ) -> tuple[SmsCountryFigures, ...]:
        """Figures of [since, until) by country. `marketing` are the categories whose messages
        need opt-out words."""
