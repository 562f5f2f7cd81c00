"""Who an announcement concerns: everyone, or the users it names."""

from collections.abc import Collection, Sequence
from uuid import UUID

from domain.announcements import AnnouncementAudience
from storage.engine import Connection

_CONCERNING = """
    select id from announcements where id = any($2::uuid[])
        and (audience ? 'everyone' or audience -> 'userIds' ? $1)
"""
_MEMBERS = """
    select asked.id from unnest($2::text[]) asked(id)
    where (select audience ? 'everyone' from announcements where id = $1)
        or asked.id in (select jsonb_array_elements_text(audience -> 'userIds')
                        from announcements where id = $1)
"""
_PAGE = """
    select id from users where deleted_at is null
        and ($2::text is null or id > $2)
        and ((select audience ? 'everyone' from announcements where id = $1)
            or id in (select jsonb_array_elements_text(audience -> 'userIds')
                      from announcements where id = $1))
    order by id limit $3
"""


class SqlAudienceMembership:
    """Implements `AudienceMembership`."""

    def __init__(self, connection: Connection) -> None:
        self._db = connection

    def supports(self, audience: AnnouncementAudience) -> bool:
        return audience.segment is None

    async def concerning(self, user_id: str, announcement_ids: Sequence[UUID]) -> frozenset[UUID]:
        rows = await self._db.fetch(_CONCERNING, user_id, list(announcement_ids))
        return frozenset(row["id"] for row in rows)

    async def members(self, announcement_id: UUID, user_ids: Collection[str]) -> frozenset[str]:
        rows = await self._db.fetch(_MEMBERS, announcement_id, list(user_ids))
        return frozenset(row["id"] for row in rows)

    async def page(self, announcement_id: UUID, after: str | None, limit: int) -> tuple[str, ...]:
        rows = await self._db.fetch(_PAGE, announcement_id, after, limit)
        return tuple(row["id"] for row in rows)
