"""Users; their addresses sealed with each one's own key."""

from collections.abc import Callable
from functools import cache
from operator import itemgetter
from typing import Any
from uuid import UUID

import phonenumbers

from domain.errors import user_not_found
from domain.paging import Cursor, Page, PageRequest
from domain.records.people import User
from storage.choices import SqlChoices
from storage.encryption import KEY_JOIN, KeyRing, Sealer
from storage.engine import Connection

USER_COLUMNS = (
    "id, email, email_verified, phone, name, attributes, locale, timezone, country, created_at,"
    " updated_at"
)
_SELECT = f"select {USER_COLUMNS}, wrapped_key, master_key_id from users {KEY_JOIN} id"
_PERSONAL = (
    "subscriptions", "consents", "consent_history", "user_notification_preferences",
    "user_devices", "frequency_usage", "dedup_claims", "announcement_reads",
    "audience_list_members", "digest_items",
)  # fmt: skip


@cache
def _fields(prefix: str) -> Callable[[Any], tuple[Any, ...]]:
    return itemgetter(*(f"{prefix}{name.strip()}" for name in USER_COLUMNS.split(",")))


def user_of(row: Any, sealer: Sealer | None, prefix: str = "") -> User:
    """A row whose columns carry the prefix; without the key only what was never sealed."""
    (
        user_id, email, email_verified, phone, name, attributes, locale, timezone, country,
        created_at, updated_at,
    ) = _fields(prefix)(row)  # fmt: skip
    return User(
        id=user_id,
        created_at=created_at,
        updated_at=updated_at,
        email=sealer.open("email", email) if sealer else None,
        email_verified=email_verified,
        phone=sealer.open("phone", phone) if sealer else None,
        name=sealer.open("name", name) if sealer else None,
        locale=locale,
        timezone=timezone,
        country=country,
        attributes=attributes,
    )


class SqlUsers(SqlChoices):
    """Implements `UserRepository`."""

    def __init__(self, connection: Connection, keys: KeyRing) -> None:
        super().__init__(connection)
        self._keys = keys

    async def put(self, user: User) -> User:
        sealer = await self._keys.sealer(self._db, user.id, keep=True)
        if sealer is None:
            sealer = await self._new_key(user)
        row = await self._db.fetchrow(
            "insert into users (id, email, email_hash, email_verified, phone, phone_hash,"
            " phone_country, name, attributes, locale, timezone, country, created_at, updated_at)"
            " values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)"
            " on conflict (id) do update set email = excluded.email,"
            " email_hash = excluded.email_hash, email_verified = excluded.email_verified,"
            " phone = excluded.phone, phone_hash = excluded.phone_hash,"
            " phone_country = excluded.phone_country, name = excluded.name,"
            " attributes = excluded.attributes, locale = excluded.locale,"
            " timezone = excluded.timezone, country = excluded.country,"
            " updated_at = excluded.updated_at, deleted_at = null,"
            " created_at = case when users.deleted_at is null then users.created_at"
            f" else excluded.created_at end returning {USER_COLUMNS}",
            user.id,
            sealer.seal("email", user.email),
            self._keys.lookup("email", user.email.lower()) if user.email else None,
            user.email_verified,
            sealer.seal("phone", user.phone),
            self._keys.lookup("sms", user.phone) if user.phone else None,
            _country_of(user.phone),
            sealer.seal("name", user.name),
            dict(user.attributes),
            user.locale,
            user.timezone,
            user.country,
            user.created_at,
            user.updated_at,
        )
        return user_of(row, sealer)

    async def _new_key(self, user: User) -> Sealer:
        """Two writers of a new user make one key: the row that is there first stays."""
        await self._db.execute(
            "insert into users (id, email_verified, created_at, updated_at)"
            " values ($1, false, $2, $3) on conflict (id) do nothing",
            user.id,
            user.created_at,
            user.updated_at,
        )
        wrapped, master = self._keys.new_key(user.id)
        await self._db.execute(
            "insert into user_keys (user_id, wrapped_key, master_key_id, created_at)"
            " values ($1, $2, $3, $4) on conflict (user_id) do nothing",
            user.id,
            wrapped,
            master,
            user.created_at,
        )
        sealer = await self._keys.sealer(self._db, user.id, keep=True)
        if sealer is None:
            raise user_not_found(user.id)
        return sealer

    async def get(self, user_id: str) -> User | None:
        row = await self._db.fetchrow(f"{_SELECT} where id = $1 and deleted_at is null", user_id)
        return user_of(row, self._keys.of(user_id, row)) if row else None

    async def list(self, page: PageRequest) -> Page[User]:
        after = "and (created_at, id) < ($2, $3)" if page.cursor else ""
        cursor = [page.cursor.at, page.cursor.id] if page.cursor else []
        rows = await self._db.fetch(
            f"{_SELECT} where deleted_at is null {after}"
            " order by created_at desc, id desc limit $1",
            page.limit + 1,
            *cursor,
        )
        users = tuple(user_of(row, self._keys.of(row["id"], row)) for row in rows[: page.limit])
        more = len(rows) > page.limit
        return Page(users, Cursor(users[-1].created_at, users[-1].id) if more else None)

    async def delete(self, user_id: str) -> bool:
        await self._db.execute("delete from user_keys where user_id = $1", user_id)
        there = await self._db.fetchval(
            "update users set email = null, email_hash = null, phone = null, phone_hash = null,"
            " phone_country = null, name = null, attributes = '{}', locale = null,"
            " timezone = null, country = null, deleted_at = now(), updated_at = now()"
            " where id = $1 and deleted_at is null returning 1",
            user_id,
        )
        if not there:
            return False
        for table in _PERSONAL:
            await self._db.execute(f"delete from {table} where user_id = $1", user_id)
        await self._db.execute(
            "update suppressions set user_id = null, address = null where user_id = $1", user_id
        )
        return True

    async def lock(self, user_id: str) -> None:
        await self._db.execute("select pg_advisory_xact_lock(hashtextextended($1, 13))", user_id)

    async def open_notifications(self, user_id: str) -> tuple[tuple[UUID, int], ...]:
        rows = await self._db.fetch(
            "select id, redrives from notifications where user_id = $1"
            " and status in ('accepted', 'scheduled', 'processing')",
            user_id,
        )
        return tuple((row["id"], row["redrives"]) for row in rows)


def _country_of(phone: str | None) -> str | None:
    """The country of an E.164 number: what sending times go by."""
    if phone is None:
        return None
    try:
        parsed = phonenumbers.parse(phone)
    except phonenumbers.NumberParseException:
        return None
    country: str | None = phonenumbers.region_code_for_number(parsed)
    return country
