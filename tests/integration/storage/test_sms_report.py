"""The figures of the SMS report, each from rows as the delivery path leaves them."""

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import asyncpg
import pytest

from domain.enums import Category, Channel, ConsentType, DeliveryStatus, EventType
from domain.ids import new_id
from domain.money import Money
from domain.paging import Cursor, PageRequest
from domain.records.events import Event
from domain.records.people import Consent, Suppression
from domain.sms.report import SmsCountryFigures, summed
from tests.integration.storage.conftest import Ledger, now

MARKETING = ("marketing", "announcements", "jobs")
HOUR = timedelta(hours=1)
NUMBERS = {"DE": "+4915123456789", "FR": "+33612345678", "US": "+12015550123"}


class Desk:
    """A period of its own in the past, and the rows that fall into it."""

    def __init__(self, ledger: Ledger, sql: asyncpg.Connection, at: datetime) -> None:
        self.ledger, self.sql, self.at = ledger, sql, at

    async def user(self, country: str | None) -> str:
        if country is None:
            return await self.ledger.user()
        return await self.ledger.user(phone=NUMBERS[country], country="AT")

    async def sms(
        self,
        country: str | None,
        status: DeliveryStatus,
        *,
        category: Category = Category.APPLICATIONS,
        at: datetime | None = None,
        sent: bool = False,
        cost: tuple[str, str] | None = None,
        text: tuple[str, str | None] | None = None,
        **line: Any,
    ) -> UUID:
        """One SMS delivery. `text`: the destination on record and the opt-out words."""
        at = at or self.at
        item = await self.ledger.notification(await self.user(country), category=category)
        delivery = await self.ledger.delivery(item, channel=Channel.SMS, status=status)
        await self.sql.execute(
            "update notification_deliveries set updated_at = $2, sent_at = $3, segments = $4,"
            " cost_minor = $5, cost_currency = $6, error_code = $7, reason = $8 where id = $1",
            delivery.id, at, at if sent else None, line.get("segments", 1 if sent else None),
            Decimal(cost[0]) if cost else None, cost[1] if cost else None,
            line.get("error_code"), line.get("reason"),
        )  # fmt: skip
        if text is not None:
            await self.sql.execute(
                "insert into sms_notifications (notification_id, phone_number, message,"
                " country_code, character_count, opt_out_instructions)"
                " values ($1, 'sealed', 'sealed', $2, 20, $3)",
                item.id, *text,
            )  # fmt: skip
        return item.id

    async def report(self, country: str | None = None) -> dict[str | None, SmsCountryFigures]:
        async with self.ledger.uow() as tx:
            rows = await tx.reports.sms(self.at, self.at + HOUR, country, MARKETING)
        assert len({row.country for row in rows}) == len(rows)
        return {row.country: row for row in rows}


@pytest.fixture
def desk(ledger: Ledger, sql: asyncpg.Connection, request: pytest.FixtureRequest) -> Desk:
    """Every test has its own week."""
    _weeks.append(request.node.name)
    return Desk(ledger, sql, now() - timedelta(weeks=len(_weeks)))


_weeks: list[str] = []


async def test_nothing_sent_is_an_empty_report(desk: Desk) -> None:
    assert await desk.report() == {}


async def test_what_was_sent_counts_with_segments_and_cost_by_country(desk: Desk) -> None:
    await desk.sms("DE", DeliveryStatus.SENT, sent=True, segments=2, cost=("21.438", "USD"))
    await desk.sms("DE", DeliveryStatus.DELIVERED, sent=True, cost=("10.719", "USD"))
    await desk.sms("DE", DeliveryStatus.BOUNCED, sent=True, cost=("7.5", "EUR"))
    await desk.sms("FR", DeliveryStatus.DELIVERED, sent=True)
    await desk.sms("FR", DeliveryStatus.UNKNOWN)
    await desk.sms("FR", DeliveryStatus.FAILED, error_code="opted_out")
    await desk.sms("FR", DeliveryStatus.FAILED, error_code="21610")
    await desk.sms("FR", DeliveryStatus.FAILED, error_code="invalid_number")
    report = await desk.report()
    assert report == {
        "DE": SmsCountryFigures(
            "DE", sent=3, segments=4, delivered=1, failed=1,
            cost=(Money(Decimal("7.5000"), "EUR"), Money(Decimal("32.1570"), "USD")),
        ),
        "FR": SmsCountryFigures(
            "FR", sent=1, segments=1, delivered=1, failed=3, unknown=1, opted_out_refusals=2
        ),
    }  # fmt: skip
    assert await desk.report("FR") == {"FR": report["FR"]}


async def test_the_destination_on_record_wins_over_the_users_number_and_country(
    desk: Desk,
) -> None:
    await desk.sms("DE", DeliveryStatus.SENT, sent=True, text=("US", None))
    await desk.sms("DE", DeliveryStatus.SENT, sent=True)
    await desk.sms(None, DeliveryStatus.SENT, sent=True)
    assert {country: row.sent for country, row in (await desk.report()).items()} == {
        "US": 1, "DE": 1, None: 1,
    }  # fmt: skip


async def test_what_was_skipped_is_told_by_why(desk: Desk) -> None:
    reasons = {
        "consent_missing": 1, "consent_refused": 1, "unsubscribed": 2, "channel_disabled": 2,
        "frequency_exceeded": 3, "throttled": 3, "number_limit": 3, "suppressed": 4, "expired": 5,
    }  # fmt: skip
    for reason in reasons:
        await desk.sms("FR", DeliveryStatus.SKIPPED, reason=reason)
    assert await desk.report() == {
        "FR": SmsCountryFigures(
            "FR", skipped_by_consent=2, skipped_by_preference=2, skipped_by_limit=3, suppressed=1
        )
    }


async def test_the_share_of_marketing_that_says_how_to_opt_out(desk: Desk) -> None:
    for words in ("Reply STOP to opt out.", "STOP to opt out", "STOP to opt out", None):
        await desk.sms(
            "US", DeliveryStatus.SENT, sent=True, category=Category.MARKETING, text=("US", words)
        )
    await desk.sms(
        "US", DeliveryStatus.SENT, sent=True, category=Category.SECURITY, text=("US", None)
    )
    await desk.sms("US", DeliveryStatus.FAILED, category=Category.MARKETING, text=("US", None))
    await desk.sms("US", DeliveryStatus.SENT, sent=True, category=Category.MARKETING)
    row = (await desk.report())["US"]
    assert (row.sent, row.marketing_sent, row.marketing_with_opt_out) == (6, 4, 3)
    assert row.opt_out_share == 0.75


async def test_only_the_period_counts(desk: Desk) -> None:
    for at in (desk.at - timedelta(seconds=1), desk.at, desk.at + HOUR):
        await desk.sms("DE", DeliveryStatus.SENT, sent=True, at=at)
    assert (await desk.report())["DE"].sent == 1


async def test_other_channels_are_not_sms(desk: Desk) -> None:
    item = await desk.ledger.notification(await desk.user("DE"))
    line = await desk.ledger.delivery(item, status=DeliveryStatus.SENT)
    await desk.sql.execute(
        "update notification_deliveries set sent_at = $2 where id = $1", line.id, desk.at
    )
    assert await desk.report() == {}


async def test_answers_and_suppressions_of_the_period(desk: Desk) -> None:
    german, french = await desk.user("DE"), await desk.user("FR")
    async with desk.ledger.uow() as tx:
        for user, consent, granted in [
            (german, ConsentType.SMS, True),
            (german, ConsentType.SMS, False),
            (french, ConsentType.SMS, False),
            (french, ConsentType.MARKETING, False),
        ]:
            await tx.users.put_consent(Consent(user, consent, granted, "api", None, desk.at))
        await tx.users.put_consent(
            Consent(german, ConsentType.SMS, True, "api", None, desk.at + HOUR)
        )
        for channel, user_id in [
            (Channel.SMS, french),
            (Channel.EMAIL, french),
            (Channel.SMS, None),
        ]:
            await tx.operations.suppress(
                Suppression(
                    new_id(), channel, "opted_out", "twilio", desk.at, user_id, str(new_id())
                )
            )
    assert await desk.report() == {
        "DE": SmsCountryFigures("DE", opt_ins=1, opt_outs=1),
        "FR": SmsCountryFigures("FR", opt_outs=1, numbers_suppressed=1),
        None: SmsCountryFigures(None, numbers_suppressed=1),
    }


async def test_what_waited_for_hours_or_limits(desk: Desk) -> None:
    def waits(item: Any, reason: str, channel: str = "sms") -> Event:
        detail = {"reason": reason, "until": None, "channels": {channel: reason}}
        return Event(EventType.NOTIFICATION_SCHEDULED, item.user_id, desk.at, item.id, None, detail)

    items = [await desk.ledger.notification(await desk.user("FR")) for _ in range(4)]
    async with desk.ledger.uow() as tx:
        await tx.events.append(
            [
                waits(items[0], "sms_window_closed"),
                waits(items[0], "sms_window_closed"),
                waits(items[1], "sms_window_closed"),
                waits(items[1], "frequency_exceeded"),
                waits(items[2], "quiet_hours"),
                waits(items[3], "frequency_exceeded", "email"),
            ]
        )
    assert await desk.report() == {"FR": SmsCountryFigures("FR", held_by_window=2, held_by_limit=1)}


def test_sums_keep_currencies_apart() -> None:
    rows = [
        SmsCountryFigures("DE", sent=2, cost=(Money(Decimal("1.5"), "USD"),)),
        SmsCountryFigures(
            "FR", sent=3, cost=(Money(Decimal(2), "EUR"), Money(Decimal("0.5"), "USD"))
        ),
    ]
    assert summed(rows) == SmsCountryFigures(
        None, sent=5, cost=(Money(Decimal(2), "EUR"), Money(Decimal("2.0"), "USD"))
    )
    assert summed([]) == SmsCountryFigures(None)


async def test_the_answers_to_a_consent_are_listed_newest_first(ledger: Ledger) -> None:
    user, at = await ledger.user(), now()
    given = [
        Consent(user, ConsentType.SMS, n % 2 == 0, f"form {n}", f"Text {n}", at + (n // 2) * HOUR)
        for n in range(5)
    ]
    seen: list[Consent] = []
    cursor: Cursor | None = None
    async with ledger.uow() as tx:
        for answer in given:
            await tx.users.put_consent(answer)
        await tx.users.put_consent(Consent(user, ConsentType.MARKETING, True, "other", None, at))
        while True:
            page = await tx.users.consent_history(user, ConsentType.SMS, PageRequest(2, cursor))
            seen += page.items
            cursor = page.next_cursor
            if cursor is None:
                break
    assert seen == given[::-1]
