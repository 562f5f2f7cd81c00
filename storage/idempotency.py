"""Idempotency records: who used a key for what, for a day."""

from datetime import datetime, timedelta
from typing import Final

from domain.ports.idempotency import IdempotencyRecord, StoredResponse
from storage.encryption import KeyRing
from storage.engine import Connection

_LIFETIME: Final = timedelta(hours=24)
_ABANDONED: Final = timedelta(minutes=1)


class SqlIdempotency:
    def __init__(self, connection: Connection, keys: KeyRing) -> None:
        self._db = connection
        self._sealer = keys.system

    async def claim(
        self, *, scope: str, key: str, body_hash: str, now: datetime, resource_id: str | None
    ) -> IdempotencyRecord | None:
        ours = await self._db.fetchval(
            "insert into idempotency_records as held"
            " (scope, key, body_hash, resource_id, created_at) values ($1, $2, $3, $4, $5)"
            " on conflict (scope, key) do update set body_hash = excluded.body_hash,"
            " resource_id = excluded.resource_id, created_at = excluded.created_at,"
            " response_status = null, response_body = null"
            " where held.created_at < $6 or (held.resource_id is null"
            " and held.response_status is null and held.created_at < $7) returning 1",
            scope,
            key,
            body_hash,
            resource_id,
            now,
            now - _LIFETIME,
            now - _ABANDONED,
        )
        if ours:
            return None
        row = await self._db.fetchrow(
            "select body_hash, resource_id, response_status, response_body"
            " from idempotency_records where scope = $1 and key = $2",
            scope,
            key,
        )
        if row is None:
            return IdempotencyRecord(body_hash, None, None)
        response = None
        if row["response_status"] is not None:
            body = self._sealer.open("idempotency", row["response_body"]) or ""
            response = StoredResponse(row["response_status"], body.encode())
        return IdempotencyRecord(row["body_hash"], row["resource_id"], response)

    async def complete(self, *, scope: str, key: str, response: StoredResponse) -> None:
        await self._db.execute(
            "update idempotency_records set response_status = $3, response_body = $4"
            " where scope = $1 and key = $2",
            scope,
            key,
            response.status,
            self._sealer.seal("idempotency", response.body.decode()),
        )

    async def release(self, *, scope: str, key: str) -> None:
        await self._db.execute(
            "delete from idempotency_records where scope = $1 and key = $2"
            " and response_status is null and resource_id is null",
            scope,
            key,
        )
