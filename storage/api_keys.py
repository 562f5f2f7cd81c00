"""API keys: found by the hash of their secret."""

from datetime import datetime
from typing import Any
from uuid import UUID

from domain.enums import Scope
from domain.paging import Cursor, Page, PageRequest
from domain.records.api_keys import ApiKey
from storage.engine import Connection

_COLUMNS = "id, name, prefix, scopes, rate_limit, created_at, expires_at, revoked_at, last_used_at"


class SqlApiKeys:
    def __init__(self, connection: Connection) -> None:
        self._db = connection

    async def insert(self, key: ApiKey, secret_hash: str) -> None:
        await self._db.execute(
            "insert into api_keys (id, name, prefix, secret_hash, scopes, rate_limit, created_at,"
            " expires_at) values ($1, $2, $3, $4, $5, $6, $7, $8)",
            key.id,
            key.name,
            key.prefix,
            secret_hash,
            sorted(key.scopes),
            key.rate_limit,
            key.created_at,
            key.expires_at,
        )

    async def by_hash(self, secret_hash: str) -> ApiKey | None:
        row = await self._db.fetchrow(
            f"select {_COLUMNS} from api_keys where secret_hash = $1", secret_hash
        )
        return _key(row) if row else None

    async def list(self, page: PageRequest) -> Page[ApiKey]:
        after = "where (created_at, id) < ($2, $3)" if page.cursor else ""
        cursor = [page.cursor.at, UUID(page.cursor.id)] if page.cursor else []
        rows = await self._db.fetch(
            f"select {_COLUMNS} from api_keys {after} order by created_at desc, id desc limit $1",
            page.limit + 1,
            *cursor,
        )
        keys = tuple(_key(row) for row in rows[: page.limit])
        more = len(rows) > page.limit
        return Page(keys, Cursor(keys[-1].created_at, str(keys[-1].id)) if more else None)

    async def revoke(self, key_id: UUID, at: datetime) -> bool:
        done = await self._db.fetchval(
            "update api_keys set revoked_at = $2 where id = $1 and revoked_at is null returning 1",
            key_id,
            at,
        )
        return bool(done)


def _key(row: Any) -> ApiKey:
    return ApiKey(
        id=row["id"],
        name=row["name"],
        prefix=row["prefix"],
        scopes=frozenset(Scope(name) for name in row["scopes"]),
        rate_limit=row["rate_limit"],
        created_at=row["created_at"],
        expires_at=row["expires_at"],
        revoked_at=row["revoked_at"],
        last_used_at=row["last_used_at"],
    )
