"""Who an announcement concerns, by the audience in its row.

Everyone and named users are answered by the row itself. Segments and lists are asked of the users
in question alone, all that one user may belong to in one statement.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any, Final
from uuid import UUID

from storage.audience.asking import SqlAudiences, audience_of
from storage.audience.sql import membership_sql
from storage.engine import Connection

_ASKED: Final = """
    case when audience ?| array['everyone', 'userIds'] then null else audience::text end as asked
"""
_CONCERNING: Final = f"""
    select id, {_ASKED},
        coalesce(audience ? 'everyone' or audience -> 'userIds' ? $1, false) as named
    from announcements where id = any($2::uuid[]) order by id
"""
_AUDIENCE: Final = f"""
    select audience ? 'everyone' as everyone, {_ASKED}, array(
        select name from unnest($2::text[]) name where audience -> 'userIds' ? name) as named
    from announcements where id = $1
"""
_STATEMENT_CHARACTERS: Final = 6_000
"""Of audiences asked in one statement, which then as a rule is short enough for the client to
keep it prepared, and has far fewer parameters than PostgreSQL takes. A larger one is asked
alone."""
_STATEMENTS: Final = 128


class SqlAudienceMembership:
    """Implements `AudienceMembership`."""

    def __init__(self, connection: Connection) -> None:
        self._db = connection

    async def concerning(self, user_id: str, announcement_ids: Sequence[UUID]) -> frozenset[UUID]:
        rows = await self._db.fetch(_CONCERNING, user_id, list(announcement_ids))
        asked = {row["id"]: row["asked"] for row in rows if row["asked"] is not None}
        mine = {row["id"] for row in rows if row["named"]}
        for some in _slices(asked):
            statement, values = _statement(tuple(some.values()))
            belongs = await self._db.fetchval(statement, user_id, *values) or ()
            mine |= {i for i, is_in in zip(some, belongs, strict=False) if is_in}
        return frozenset(mine)

    async def members(self, announcement_id: UUID, user_ids: Collection[str]) -> frozenset[str]:
        row = await self._db.fetchrow(_AUDIENCE, announcement_id, list(user_ids))
        if row is None:
            return frozenset()
        if row["everyone"]:
            return frozenset(user_ids)
        if row["asked"] is None:
            return frozenset(row["named"])
        return await SqlAudiences(self._db).belongs(audience_of(row["asked"]), user_ids)


@lru_cache(_STATEMENTS)
def _statement(asked: tuple[str, ...]) -> tuple[str, tuple[Any, ...]]:
    return membership_sql([audience_of(text) for text in asked])


def _slices(asked: Mapping[UUID, str]) -> Iterator[dict[UUID, str]]:
    """As many audiences at once as make one statement."""
    some: dict[UUID, str] = {}
    size = 0
    for announcement_id, text in asked.items():
        if some and size + len(text) > _STATEMENT_CHARACTERS:
            yield some
            some, size = {}, 0
        some[announcement_id] = text
        size += len(text)
    if some:
        yield some
