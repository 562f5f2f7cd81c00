"""The SMS compliance report: two queries over the ledger, the events and the answers given."""

from collections.abc import Collection, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

from domain.money import Money
from domain.receipts import OPT_OUT_CODES
from domain.rules.reasons import Reason
from domain.sms.report import SmsCountryFigures
from storage.engine import Connection

_CONSENT: Final = (Reason.CONSENT_MISSING, Reason.CONSENT_REFUSED)
_PREFERENCE: Final = (
    Reason.UNSUBSCRIBED,
    Reason.CHANNEL_NOT_SUBSCRIBED,
    Reason.CATEGORY_DISABLED,
    Reason.CATEGORY_CHANNEL_EXCLUDED,
    Reason.CHANNEL_DISABLED,
)
_LIMIT: Final = (
    Reason.FREQUENCY_EXCEEDED,
    Reason.FREQUENCY_ZERO,
    Reason.THROTTLED,
    Reason.THROTTLE_ZERO,
    "number_limit",
)
_MESSAGES: Final = """
    with line as (
        select coalesce(nullif(s.country_code, ''), u.phone_country, u.country) as country,
            d.status, d.reason, d.error_code, d.sent_at is not null as sent, d.segments,
            d.cost_minor, d.cost_currency,
            s.notification_id is not null and n.category = any($4::text[]) as marketing,
            s.opt_out_instructions is not null as says_how
        from notification_deliveries d
        join notifications n on n.id = d.notification_id
        join users u on u.id = n.user_id
        left join sms_notifications s on s.notification_id = n.id
        where d.channel = 'sms'
          and coalesce(d.sent_at, d.updated_at) >= $1 and coalesce(d.sent_at, d.updated_at) < $2
    ), cost as (
        select country, jsonb_object_agg(cost_currency, amount::text) as cost from (
            select country, cost_currency, sum(cost_minor) as amount from line
            where sent and cost_minor is not null group by country, cost_currency) by_currency
        group by country
    ), count as (
        select country,
            count(*) filter (where sent) as sent,
            coalesce(sum(segments) filter (where sent), 0) as segments,
            count(*) filter (where status = 'delivered') as delivered,
            count(*) filter (where status in ('failed', 'bounced')) as failed,
            count(*) filter (where status = 'unknown') as unknown,
            count(*) filter (where error_code = any($5::text[])) as opted_out_refusals,
            count(*) filter (where reason = 'suppressed' or error_code = 'suppressed')
                as suppressed,
            count(*) filter (where status = 'skipped' and reason = any($6::text[]))
                as skipped_by_consent,
            count(*) filter (where status = 'skipped' and reason = any($7::text[]))
                as skipped_by_preference,
            count(*) filter (where status = 'skipped' and reason = any($8::text[]))
                as skipped_by_limit,
            count(*) filter (where sent and marketing) as marketing_sent,
            count(*) filter (where sent and marketing and says_how) as marketing_with_opt_out
        from line where $3::text is null or country = $3 group by country
    )
    select count.*, cost.cost from count
    left join cost on cost.country is not distinct from count.country
"""
_PEOPLE: Final = """
    with happening as (
        select coalesce(u.phone_country, u.country) as country,
            (c.granted)::int as opt_ins, (not c.granted)::int as opt_outs,
            0 as numbers_suppressed, 0 as held_by_window, 0 as held_by_limit
        from consent_history c join users u on u.id = c.user_id
        where c.type = 'sms' and c.at >= $1 and c.at < $2
        union all
        select coalesce(u.phone_country, u.country), 0, 0, 1, 0, 0
        from suppressions s left join users u on u.id = s.user_id
        where s.channel = 'sms' and s.created_at >= $1 and s.created_at < $2
        union all
        select coalesce(u.phone_country, u.country), 0, 0, 0, by_window::int, by_limit::int
        from (
            select e.user_id, bool_or(e.detail->'channels'->>'sms' = $4) as by_window,
                bool_or(e.detail->'channels'->>'sms' = any($5::text[])) as by_limit
            from event_log e
            where e.type = 'notification.scheduled' and e.at >= $1 and e.at < $2
            group by e.notification_id, e.user_id) held
        join users u on u.id = held.user_id
        where by_window or by_limit
    )
    select country, sum(opt_ins) as opt_ins, sum(opt_outs) as opt_outs,
        sum(numbers_suppressed) as numbers_suppressed, sum(held_by_window) as held_by_window,
        sum(held_by_limit) as held_by_limit
    from happening where $3::text is null or country = $3 group by country
"""


class SqlReports:
    """Implements `ReportRepository`."""

    def __init__(self, connection: Connection) -> None:
        self._db = connection

    async def sms(
        self,
        since: datetime,
        until: datetime,
        country: str | None,
        marketing: Collection[str],
    ) -> tuple[SmsCountryFigures, ...]:
        period = (since, until, country)
        messages = await self._db.fetch(
            _MESSAGES,
            *period,
            list(marketing),
            list(OPT_OUT_CODES),
            list(_CONSENT),
            list(_PREFERENCE),
            list(_LIMIT),
        )
        people = await self._db.fetch(_PEOPLE, *period, Reason.SMS_WINDOW_CLOSED, list(_LIMIT))
        found: dict[str | None, dict[str, Any]] = {}
        for row in (*messages, *people):
            found.setdefault(row["country"], {}).update(row)
        return tuple(_figures(row) for row in found.values())


def _figures(row: Mapping[str, Any]) -> SmsCountryFigures:
    amounts: Mapping[str, str] = row.get("cost") or {}
    money = tuple(Money(Decimal(amounts[name]), name) for name in sorted(amounts))
    return SmsCountryFigures(**{**row, "cost": money})
