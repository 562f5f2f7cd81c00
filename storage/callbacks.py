"""Vendors' callbacks, sealed; found again by a keyed hash of their body, or of a reply's id."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from domain.enums import ConsentType
from domain.paging import Cursor, Page, PageRequest
from domain.ports.callbacks import CallbackFilter, CallbackStatus, StoredCallback
from domain.records.people import Consent
from storage.encryption import KeyRing
from storage.engine import Connection

_SHOWN = "id, provider, status, attempts, received_at, applied_at, error"
_FIELD = "callback"


class SqlCallbacks:
    def __init__(self, connection: Connection, keys: KeyRing) -> None:
        self._db = connection
        self._keys = keys

    async def add(self, callback: StoredCallback, reply_id: str | None = None) -> bool:
        # Latin-1 takes every byte, so that a body that is no UTF-8 is kept as it came.
        text = (callback.body or b"").decode("latin-1")
        identity = text if reply_id is None else f"reply\x1f{reply_id}"
        added = await self._db.fetchval(
            "insert into provider_callbacks (id, provider, digest, body, status, attempts, error,"
            " received_at, claimed_at) values ($1, $2, $3, $4, $5, $6, $7, $8, $8)"
            " on conflict (provider, digest) do nothing returning 1",
            callback.id,
            callback.provider,
            self._keys.lookup(_FIELD, f"{callback.provider}\x1f{identity}"),
            self._keys.system.seal(_FIELD, text),
            callback.status,
            callback.attempts,
            callback.error,
            callback.received_at,
        )
        return bool(added)

    async def get(self, callback_id: UUID) -> StoredCallback | None:
        row = await self._db.fetchrow(
            f"select {_SHOWN}, body from provider_callbacks where id = $1", callback_id
        )
        if row is None:
            return None
        text = self._keys.system.open(_FIELD, row["body"])
        return _callback(row, text.encode("latin-1") if text is not None else None)

    async def hold(self, callback_id: UUID) -> bool:
        held = await self._db.fetchval(
            "select 1 from provider_callbacks where id = $1 and status = 'received'"
            " for update skip locked",
            callback_id,
        )
        return bool(held)

    async def claim(
        self, now: datetime, again_after: Sequence[timedelta], limit: int
    ) -> tuple[UUID, ...]:
        rows = await self._db.fetch(
            "update provider_callbacks set claimed_at = $1, attempts = attempts + 1 where id in ("
            " select id from provider_callbacks where status = 'received'"
            " and claimed_at <= $1::timestamptz - ($2::interval[])[least(attempts, $3)]"
            " order by received_at limit $4 for update skip locked)"
            " returning id, received_at",
            now,
            list(again_after),
            len(again_after),
            limit,
        )
        return tuple(row["id"] for row in sorted(rows, key=lambda row: row["received_at"]))

    async def finish(
        self, callback_id: UUID, status: CallbackStatus, error: str | None, at: datetime
    ) -> None:
        await self._db.execute(
            "update provider_callbacks set status = $2::text, error = $3, applied_at = case"
            " when $2::text = 'applied' then coalesce(applied_at, $4) else applied_at end"
            " where id = $1",
            callback_id,
            status,
            error,
            at,
        )

    async def reopen(self, callback_id: UUID, at: datetime) -> bool:
        there = await self._db.fetchval(
            "update provider_callbacks set status = 'received', attempts = 1, claimed_at = $2"
            " where id = $1 returning 1",
            callback_id,
            at,
        )
        return bool(there)

    async def list(self, where: CallbackFilter, page: PageRequest) -> Page[StoredCallback]:
        given: list[Any] = [where.provider, where.status, page.limit + 1]
        after = ""
        if page.cursor is not None:
            after = "and (received_at, id) < ($4, $5)"
            given += [page.cursor.at, UUID(page.cursor.id)]
        rows = await self._db.fetch(
            f"select {_SHOWN} from provider_callbacks where ($1::text is null or provider = $1)"
            f" and ($2::text is null or status = $2) {after}"
            " order by received_at desc, id desc limit $3",
            *given,
        )
        shown = tuple(_callback(row) for row in rows[: page.limit])
        more = len(rows) > page.limit
        return Page(shown, Cursor(shown[-1].received_at, str(shown[-1].id)) if more else None)

    async def forget(self, before: datetime, limit: int) -> int:
        done: str = await self._db.execute(
            "delete from provider_callbacks where id in ("
            " select id from provider_callbacks where received_at < $1 limit $2)",
            before,
            limit,
        )
        return int(done.rpartition(" ")[2])

    async def notifications_of(self, provider: str, message_ids: Sequence[str]) -> tuple[UUID, ...]:
        if not message_ids:
            return ()
        rows = await self._db.fetch(
            "select distinct notification_id from notification_deliveries"
            " where provider_id = $1 and provider_message_id = any($2::text[])"
            " and status <> 'sending'"
            " order by notification_id",
            provider,
            list(message_ids),
        )
        return tuple(row["notification_id"] for row in rows)

    async def users_with_phone(self, phone: str) -> tuple[str, ...]:
        rows = await self._db.fetch(
            "select id from users where phone_hash = $1 and deleted_at is null order by id",
            self._keys.lookup("sms", phone),
        )
        return tuple(row["id"] for row in rows)

    async def last_answer(self, user_id: str, consent: ConsentType, source: str) -> Consent | None:
        row = await self._db.fetchrow(
            "select user_id, type, granted, source, text, at from consent_history"
            " where user_id = $1 and type = $2 and source = $3 order by at desc, id desc limit 1",
            user_id,
            consent,
            source,
        )
        return Consent(**{**dict(row), "type": ConsentType(row["type"])}) if row else None


def _callback(row: Any, body: bytes | None = None) -> StoredCallback:
    return StoredCallback(
        id=row["id"],
        provider=row["provider"],
        status=CallbackStatus(row["status"]),
        attempts=row["attempts"],
        received_at=row["received_at"],
        applied_at=row["applied_at"],
        error=row["error"],
        body=body,
    )
