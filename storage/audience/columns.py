"""Where the fields of a segment lie: an expression for each, and the tables to join for it."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from domain.audience.fields import SegmentField, Source
from domain.enums import Channel

_CHANNELS: Final = {
    Channel.EMAIL: "p.email_enabled",
    Channel.SMS: "p.sms_enabled",
    Channel.PUSH: "p.push_enabled",
    Channel.WEBSOCKET: "p.websocket_enabled",
}
_PLAIN: Final = {
    Source.ID: "u.id",
    Source.LOCALE: "u.locale",
    Source.TIMEZONE: "u.timezone",
    Source.COUNTRY: "u.country",
    Source.EMAIL_VERIFIED: "u.email_verified",
    Source.HAS_EMAIL: "(u.email_hash is not null)",
    Source.HAS_PHONE: "(u.phone_hash is not null)",
    Source.CREATED_AT: "u.created_at",
}
_ENGAGED: Final = "event_type in ('opened', 'clicked', 'read')"


class Bound:
    """The values of a statement, numbered from its first parameter."""

    def __init__(self, first: int) -> None:
        self._first = first
        self.values: list[Any] = []

    def __call__(self, value: Any, kind: str) -> str:
        """The value's place, with its type: `$3::text`."""
        self.values.append(value)
        return f"${self._first + len(self.values) - 1}::{kind}"


@dataclass(frozen=True, slots=True)
class Column:
    value: str
    """An expression that is null when the value is missing."""
    present: str
    """Whether there is a value; never null."""


class Joins:
    """The tables a statement needs beside `users u`, each once.

    In bulk, what is counted is counted for all users in one pass; with `each`, for every user by
    index, which is what a handful of users wants.
    """

    def __init__(self, bound: Bound, *, each: bool) -> None:
        self._bound = bound
        self._each = each
        self._tables: dict[tuple[str, ...], tuple[str, str]] = {}
        self._counts: dict[tuple[str, timedelta | None], str] = {}
        self._asks_last = False

    def sql(self) -> str:
        return "".join(text for _, text in self._tables.values()) + self._engagement()

    def preferences(self) -> str:
        return self._once(
            ("preferences",), "p", "left join user_notification_preferences p on p.user_id = u.id"
        )

    def subscription(self, type_name: str) -> str:
        alias = f"s{len(self._tables)}"
        return self._of_type("subscriptions", type_name, alias)

    def consent(self, consent: str) -> str:
        return self._of_type("consents", consent, f"c{len(self._tables)}")

    def devices(self) -> str:
        columns = "count(*) as devices, array_agg(platform::text) as platforms"
        return self._once(("devices",), "d", self._counted(columns, "user_devices", "true", "d"))

    def engagements(self, event: str, window: timedelta | None) -> str:
        """The column with the number of these events of the last `window`, or of all."""
        return self._counts.setdefault((event, window), f"e.n{len(self._counts)}")

    def last_engagement(self) -> str:
        self._asks_last = True
        return "e.last_at"

    def _engagement(self) -> str:
        if not self._counts and not self._asks_last:
            return ""
        columns = ["max(created_at) as last_at"]
        for (event, window), name in self._counts.items():
            wanted = f"event_type = {self._bound(event, 'text')}"
            if window is not None:
                wanted += f" and created_at >= now() - {self._bound(window, 'interval')}"
            columns.append(f"count(*) filter (where {wanted}) as {name.removeprefix('e.')}")
        where = _ENGAGED
        windows = [window for _, window in self._counts if window is not None]
        if not self._asks_last and len(windows) == len(self._counts):
            where += f" and created_at >= now() - {self._bound(max(windows), 'interval')}"
        return " " + self._counted(", ".join(columns), "user_engagement_events", where, "e")

    def _counted(self, columns: str, table: str, where: str, alias: str) -> str:
        if self._each:
            return (
                f"left join lateral (select {columns} from {table}"
                f" where user_id = u.id and {where}) {alias} on true"
            )
        return (
            f"left join (select user_id, {columns} from {table} where {where}"
            f" group by user_id) {alias} on {alias}.user_id = u.id"
        )

    def _of_type(self, table: str, name: str, alias: str) -> str:
        if (table, name) in self._tables:
            return self._tables[table, name][0]
        return self._once(
            (table, name),
            alias,
            f"left join {table} {alias} on {alias}.user_id = u.id"
            f" and {alias}.type = {self._bound(name, 'text')}",
        )

    def _once(self, key: tuple[str, ...], alias: str, text: str) -> str:
        return self._tables.setdefault(key, (alias, f" {text}"))[0]


def column(field: SegmentField, window: timedelta | None, bound: Bound, joins: Joins) -> Column:
    match field.source:
        case Source.ATTRIBUTE:
            place = "u.attributes" + "".join(f" -> {bound(part, 'text')}" for part in field.path)
            return Column(f"({place})", f"coalesce(jsonb_typeof({place}) <> 'null', false)")
        case Source.SUBSCRIPTION:
            return _always(_subscription(field.path, bound, joins))
        case Source.CONSENT:
            granted = f"{joins.consent(field.path[0])}.granted"
            return Column(granted, f"({granted} is not null)")
        case Source.DEVICE_COUNT:
            return _always(f"coalesce({joins.devices()}.devices, 0)")
        case Source.DEVICE_PLATFORM:
            alias = joins.devices()
            return Column(f"{alias}.platforms", f"(coalesce({alias}.devices, 0) > 0)")
        case Source.ENGAGEMENT_COUNT:
            return _always(f"coalesce({joins.engagements(field.path[0], window)}, 0)")
        case Source.ENGAGEMENT_LAST:
            last_at = joins.last_engagement()
            return Column(last_at, f"({last_at} is not null)")
        case Source.LANGUAGE:
            language = f"{joins.preferences()}.language"
            return Column(language, f"({language} is not null)")
        case Source.CHANNEL_ENABLED:
            return _channel(Channel(field.path[0]), joins)
        case Source.CATEGORY_ENABLED | Source.CATEGORY_DELIVERY:
            return _category(field, bound, joins)
    plain = _PLAIN[field.source]
    return Column(plain, f"({plain} is not null)")


def _always(value: str) -> Column:
    return Column(value, "true")


def _subscription(path: tuple[str, ...], bound: Bound, joins: Joins) -> str:
    type_name, *channel = path
    alias = joins.subscription(type_name)
    wanted = (
        f"{bound(channel[0], 'text')} = any({alias}.channels)"
        if channel
        else f"cardinality({alias}.channels) > 0"
    )
    return (
        f"(case when {alias}.user_id is null then 'never_chosen'"
        f" when {wanted} then 'subscribed' else 'unsubscribed' end)"
    )


def _channel(channel: Channel, joins: Joins) -> Column:
    """On unless switched off; SMS that was never chosen is on with its consent."""
    joins.preferences()
    chosen = _CHANNELS[channel]
    default = f"{joins.consent('sms')}.granted, false" if channel is Channel.SMS else "true"
    return Column(f"coalesce({chosen}, {default})", f"({chosen} is not null)")


def _category(field: SegmentField, bound: Bound, joins: Joins) -> Column:
    """Wanted, and at once, unless chosen otherwise."""
    chosen = f"{joins.preferences()}.category_preferences -> {bound(field.path[0], 'text')}"
    present = f"(({chosen}) is not null)"
    if field.source is Source.CATEGORY_ENABLED:
        return Column(f"coalesce(({chosen} ->> 'enabled')::boolean, true)", present)
    return Column(f"coalesce({chosen} ->> 'delivery', 'immediate')", present)
