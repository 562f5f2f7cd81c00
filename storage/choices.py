"""What users chose: preferences, consents with their history, subscriptions."""

from datetime import datetime
from uuid import UUID

from domain.enums import Channel, ConsentType
from domain.errors import user_not_found
from domain.ids import new_id
from domain.paging import Cursor, Page, PageRequest
from domain.preferences import Preferences
from domain.records.people import Consent, Subscription
from storage.engine import Connection
from storage.rows import PREFERENCE_COLUMNS, preferences_of


class SqlChoices:
    """That part of `UserRepository`."""

    def __init__(self, connection: Connection) -> None:
        self._db = connection

    async def preferences(self, user_id: str) -> Preferences:
        row = await self._db.fetchrow(
            f"select {PREFERENCE_COLUMNS}, p.timezone as preferred_timezone from users u"
            " left join user_notification_preferences p on p.user_id = u.id"
            " where u.id = $1 and u.deleted_at is null",
            user_id,
        )
        if row is None:
            raise user_not_found(user_id)
        return preferences_of(user_id, row, row["preferred_timezone"])

    async def put_preferences(self, preferences: Preferences, at: datetime) -> None:
        shape = preferences.model_dump(mode="json", by_alias=True)
        await self._db.execute(
            "insert into user_notification_preferences (user_id, email_enabled, sms_enabled,"
            " push_enabled, websocket_enabled, frequency_settings, quiet_hours,"
            " category_preferences, language, timezone, optimize_timing, automatic_optimization,"
            " created_at, updated_at)"
            " values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $13)"
            " on conflict (user_id) do update set email_enabled = excluded.email_enabled,"
            " sms_enabled = excluded.sms_enabled, push_enabled = excluded.push_enabled,"
            " websocket_enabled = excluded.websocket_enabled,"
            " frequency_settings = excluded.frequency_settings,"
            " quiet_hours = excluded.quiet_hours,"
            " category_preferences = excluded.category_preferences,"
            " language = excluded.language, timezone = excluded.timezone,"
            " optimize_timing = excluded.optimize_timing,"
            " automatic_optimization = excluded.automatic_optimization,"
            " updated_at = excluded.updated_at",
            preferences.user_id,
            *(
                preferences.channels[channel].enabled
                for channel in (Channel.EMAIL, Channel.SMS, Channel.PUSH, Channel.WEBSOCKET)
            ),
            shape["frequency"],
            shape["quietHours"],
            shape["categories"],
            preferences.language,
            preferences.timezone,
            preferences.optimize_timing,
            preferences.automatic_optimization,
            at,
        )

    async def consents(self, user_id: str) -> tuple[Consent, ...]:
        rows = await self._db.fetch(
            "select user_id, type, granted, source, text, at from consents where user_id = $1"
            " order by type",
            user_id,
        )
        return tuple(Consent(**{**dict(row), "type": ConsentType(row["type"])}) for row in rows)

    async def put_consent(self, consent: Consent) -> None:
        values = (
            consent.user_id,
            consent.type,
            consent.granted,
            consent.source,
            consent.text,
            consent.at,
        )
        await self._db.execute(
            "insert into consents (user_id, type, granted, source, text, at)"
            " values ($1, $2, $3, $4, $5, $6) on conflict (user_id, type) do update"
            " set granted = excluded.granted, source = excluded.source, text = excluded.text,"
            " at = excluded.at",
            *values,
        )
        await self._db.execute(
            "insert into consent_history (id, user_id, type, granted, source, text, at)"
            " values ($1, $2, $3, $4, $5, $6, $7)",
            new_id(),
            *values,
        )

    async def consent_history(
        self, user_id: str, consent: ConsentType, page: PageRequest
    ) -> Page[Consent]:
        after = "and (at, id) < ($4, $5)" if page.cursor else ""
        cursor = [page.cursor.at, UUID(page.cursor.id)] if page.cursor else []
        rows = await self._db.fetch(
            "select id, granted, source, text, at from consent_history"
            f" where user_id = $1 and type = $2 {after} order by at desc, id desc limit $3",
            user_id,
            consent,
            page.limit + 1,
            *cursor,
        )
        shown = rows[: page.limit]
        answers = tuple(
            Consent(user_id, consent, row["granted"], row["source"], row["text"], row["at"])
            for row in shown
        )
        more = len(rows) > page.limit
        return Page(answers, Cursor(shown[-1]["at"], str(shown[-1]["id"])) if more else None)

    async def subscriptions(self, user_id: str) -> tuple[Subscription, ...]:
        rows = await self._db.fetch(
            "select user_id, type, channels, updated_at from subscriptions where user_id = $1"
            " order by type",
            user_id,
        )
        return tuple(
            Subscription(
                row["user_id"],
                row["type"],
                tuple(Channel(name) for name in row["channels"]),
                row["updated_at"],
            )
            for row in rows
        )

    async def put_subscription(self, subscription: Subscription) -> None:
        await self._db.execute(
            "insert into subscriptions (user_id, type, channels, updated_at)"
            " values ($1, $2, $3, $4) on conflict (user_id, type) do update"
            " set channels = excluded.channels, updated_at = excluded.updated_at",
            subscription.user_id,
            subscription.type,
            list(subscription.channels),
            subscription.updated_at,
        )
