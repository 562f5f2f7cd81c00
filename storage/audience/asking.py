"""Audiences asked, and the uploaded lists some of them are."""

from collections.abc import Collection, Mapping, Sequence
from functools import lru_cache
from typing import Any
from uuid import UUID

from domain.audience.shapes import Audience, AudienceList, AudienceMember
from domain.paging import Cursor, Page, PageRequest
from storage.audience.sql import select_sql
from storage.encryption import KeyRing
from storage.engine import Connection

_AUDIENCES = 64
"""Kept parsed: those of announcements are read again and again."""
_LIST = "id, name, accepted, duplicates, rejected, created_at"


@lru_cache(_AUDIENCES)
def audience_of(text: str) -> Audience:
    """The audience that a column of JSON holds, given as text."""
    return Audience.model_validate_json(text)


class SqlAudiences:
    """Implements `AudienceRepository`."""

    def __init__(self, connection: Connection) -> None:
        self._db = connection

    async def count(self, audience: Audience) -> int:
        query, values = select_sql(audience, columns="count(*)")
        found: int = await self._db.fetchval(query, *values)
        return found

    async def sample(self, audience: Audience, size: int) -> tuple[AudienceMember, ...]:
        query, values = select_sql(audience, 2, columns="u.id, u.locale, u.timezone, u.country")
        rows = await self._db.fetch(
            f"{query} order by hashtextextended(u.id, 0), u.id limit $1", size, *values
        )
        return tuple(
            AudienceMember(row["id"], row["locale"], row["timezone"], row["country"])
            for row in rows
        )

    async def belongs(self, audience: Audience, user_ids: Collection[str]) -> frozenset[str]:
        query, values = select_sql(audience, among=tuple(user_ids))
        return frozenset(row["id"] for row in await self._db.fetch(query, *values))


class SqlAudienceLists:
    """Implements `AudienceListRepository`."""

    def __init__(self, connection: Connection, keys: KeyRing) -> None:
        self._db = connection
        self._keys = keys

    async def insert(self, item: AudienceList) -> None:
        await self._db.execute(
            f"insert into audience_lists ({_LIST}) values ($1, $2, $3, $4, $5, $6)",
            item.id,
            item.name,
            item.accepted,
            item.duplicates,
            item.rejected,
            item.created_at,
        )

    async def known(self, user_ids: Sequence[str]) -> frozenset[str]:
        rows = await self._db.fetch(
            "select id from users where id = any($1::text[]) and deleted_at is null", user_ids
        )
        return frozenset(row["id"] for row in rows)

    async def owners(self, emails: Sequence[str]) -> Mapping[str, tuple[str, ...]]:
        hashes = {self._keys.lookup("email", email): email for email in emails}
        rows = await self._db.fetch(
            "select email_hash, array_agg(id order by id) as ids from users"
            " where email_hash = any($1::text[]) and deleted_at is null group by email_hash",
            list(hashes),
        )
        return {hashes[row["email_hash"]]: tuple(row["ids"]) for row in rows}

    async def add(self, list_id: UUID, user_ids: Sequence[str]) -> int:
        added: int = await self._db.fetchval(
            "with added as (insert into audience_list_members (list_id, user_id)"
            " select $1, id from unnest($2::text[]) as id on conflict do nothing returning 1)"
            " select count(*) from added",
            list_id,
            user_ids,
        )
        return added

    async def set_counts(self, item: AudienceList) -> None:
        await self._db.execute(
            "update audience_lists set accepted = $2, duplicates = $3, rejected = $4 where id = $1",
            item.id,
            item.accepted,
            item.duplicates,
            item.rejected,
        )

    async def get(self, list_id: UUID) -> AudienceList | None:
        row = await self._db.fetchrow(f"select {_LIST} from audience_lists where id = $1", list_id)
        return _list(row) if row else None

    async def list(self, page: PageRequest) -> Page[AudienceList]:
        after = "where (created_at, id) < ($2, $3)" if page.cursor else ""
        cursor = [page.cursor.at, UUID(page.cursor.id)] if page.cursor else []
        rows = await self._db.fetch(
            f"select {_LIST} from audience_lists {after}"
            " order by created_at desc, id desc limit $1",
            page.limit + 1,
            *cursor,
        )
        lists = tuple(_list(row) for row in rows[: page.limit])
        more = len(rows) > page.limit
        return Page(lists, Cursor(lists[-1].created_at, str(lists[-1].id)) if more else None)

    async def delete(self, list_id: UUID) -> bool:
        gone = await self._db.fetchval(
            "delete from audience_lists where id = $1 returning 1", list_id
        )
        return bool(gone)


def _list(row: Any) -> AudienceList:
    return AudienceList(**dict(row))
