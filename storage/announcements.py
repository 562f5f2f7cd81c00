"""Announcements, and who read them. No user has a row before they read or dismiss one."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from domain.announcements.shapes import (
    ANNOUNCEMENT_TYPE,
    Announcement,
    AnnouncementStatus,
    InboxAnnouncement,
    Standing,
)
from domain.enums import Category, Channel, Priority
from domain.paging import Cursor, Page, PageRequest
from domain.records.inbox import InboxChange
from storage.audience.asking import audience_of
from storage.engine import Connection
from storage.rows import qualified

_COLUMNS = (
    "id, title, content, data, audience::text, channels, priority, starts_at, ends_at, status,"
    " created_at, updated_at, revision, version, published_version, untold_since, sent_at"
)
_NAMES = tuple(name.strip() for name in _COLUMNS.replace("::text", "").split(","))
_STATUS_AT = (
    "case when status in ('ended', 'withdrawn') then status when ends_at <= $1 then 'ended'"
    " when status = 'active' or starts_at <= $1 then 'active' else 'scheduled' end"
)
_SHOWN = (
    "a.status in ('scheduled', 'active') and (a.status = 'active' or a.starts_at <= $2)"
    " and (a.ends_at is null or a.ends_at > $2)"
)
_REFUSES = f"""
    (exists (select 1 from user_notification_preferences p where p.user_id = u.id and (
        p.websocket_enabled = false
        or p.category_preferences #> '{{{Category.ANNOUNCEMENTS},enabled}}' = 'false'
        or (jsonb_typeof(p.category_preferences #> '{{{Category.ANNOUNCEMENTS},channels}}')
                = 'array'
            and not p.category_preferences #> '{{{Category.ANNOUNCEMENTS},channels}}'
                ? '{Channel.WEBSOCKET}')))
    or exists (select 1 from subscriptions s where s.user_id = u.id
        and s.type = '{ANNOUNCEMENT_TYPE}' and not '{Channel.WEBSOCKET}' = any(s.channels)))
"""
_STANDING = f"""
    select a.id, a.starts_at, a.version, r.read_at from announcements a
    left join announcement_reads r on r.announcement_id = a.id and r.user_id = $1
    where {_SHOWN} and r.dismissed_at is null
        and not exists (select 1 from users u where u.id = $1 and {_REFUSES})
    order by a.starts_at desc, a.id desc
"""
_NEWS = f"""
    select {qualified(_COLUMNS, "a")}, r.read_at from announcements a
    left join announcement_reads r on r.announcement_id = a.id and r.user_id = $1
    where a.version > $2 and r.dismissed_at is null
        and (a.published_version <= $2 or a.status = 'active')
        and not exists (select 1 from users u where u.id = $1 and {_REFUSES})
    order by a.version
"""
_CLAIM = """
    update announcements set claimed_at = now() where id in (
        select id from announcements
        where (untold_since < $1 or (status = 'scheduled' and starts_at < $1)
            or (status in ('scheduled', 'active') and ends_at < $1))
            and (claimed_at is null or claimed_at < $2)
        order by coalesce(untold_since, starts_at) limit $3 for update skip locked)
    returning id
"""


class SqlAnnouncements:
    """Implements `AnnouncementRepository`."""

    def __init__(self, connection: Connection) -> None:
        self._db = connection

    async def insert(self, item: Announcement) -> None:
        await self._db.execute(
            "insert into announcements (id, created_at, title, content, data, audience, channels,"
            " priority, starts_at, ends_at, status, updated_at, revision, version,"
            " published_version, untold_since, sent_at)"
            " values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16,"
            " $17)",
            item.id,
            item.created_at,
            *_values(item),
        )

    async def get(self, announcement_id: UUID) -> Announcement | None:
        found = await self.many([announcement_id])
        return found[0] if found else None

    async def lock(self, announcement_id: UUID) -> Announcement | None:
        row = await self._db.fetchrow(
            f"select {_COLUMNS} from announcements where id = $1 for update", announcement_id
        )
        return _announcement(row) if row else None

    async def save(self, item: Announcement) -> None:
        await self._db.execute(
            "update announcements set title = $2, content = $3, data = $4, audience = $5,"
            " channels = $6, priority = $7, starts_at = $8, ends_at = $9, status = $10,"
            " updated_at = $11, revision = $12, version = $13, published_version = $14,"
            " untold_since = $15, sent_at = $16 where id = $1",
            item.id,
            *_values(item),
        )

    async def next_version(self) -> int:
        await self._db.execute("select pg_advisory_xact_lock(hashtextextended('announcements', 5))")
        return await self.last_version() + 1

    async def last_version(self) -> int:
        version: int = await self._db.fetchval(
            "select coalesce(max(version), 0) from announcements"
        )
        return version

    async def list(
        self, status: AnnouncementStatus | None, now: datetime, page: PageRequest
    ) -> Page[Announcement]:
        after = "and (created_at, id) < ($4, $5)" if page.cursor else ""
        cursor = [page.cursor.at, UUID(page.cursor.id)] if page.cursor else []
        rows = await self._db.fetch(
            f"select {_COLUMNS} from announcements"
            f" where ($2::text is null or {_STATUS_AT} = $2) {after}"
            " order by created_at desc, id desc limit $3",
            now,
            status,
            page.limit + 1,
            *cursor,
        )
        shown = tuple(_announcement(row) for row in rows[: page.limit])
        more = len(rows) > page.limit
        return Page(shown, Cursor(shown[-1].created_at, str(shown[-1].id)) if more else None)

    async def many(self, ids: Sequence[UUID]) -> tuple[Announcement, ...]:
        rows = await self._db.fetch(
            f"select {_COLUMNS} from announcements where id = any($1::uuid[])", list(ids)
        )
        return tuple(_announcement(row) for row in rows)

    async def standing(self, user_id: str, now: datetime) -> tuple[Standing, ...]:
        rows = await self._db.fetch(_STANDING, user_id, now)
        return tuple(Standing(**dict(row)) for row in rows)

    async def since(self, version: int, limit: int) -> tuple[Announcement, ...]:
        rows = await self._db.fetch(
            f"select {_COLUMNS} from announcements where version > $1 order by version limit $2",
            version,
            limit,
        )
        return tuple(_announcement(row) for row in rows)

    async def news(self, user_id: str, version: int) -> tuple[InboxAnnouncement, ...]:
        rows = await self._db.fetch(_NEWS, user_id, version)
        return tuple(InboxAnnouncement(_announcement(row), row["read_at"]) for row in rows)

    async def refusing(self, user_ids: Collection[str]) -> frozenset[str]:
        rows = await self._db.fetch(
            f"select u.id from unnest($1::text[]) u(id) where {_REFUSES}", list(user_ids)
        )
        return frozenset(row["id"] for row in rows)

    async def mark_read(self, user_id: str, ids: Sequence[UUID], at: datetime) -> tuple[UUID, ...]:
        rows = await self._db.fetch(
            "insert into announcement_reads (user_id, announcement_id, read_at)"
            " select u.id, asked.id, $3 from unnest($2::uuid[]) asked(id)"
            " join users u on u.id = $1 and u.deleted_at is null"
            " on conflict do nothing returning announcement_id",
            user_id,
            list(ids),
            at,
        )
        return tuple(row["announcement_id"] for row in rows)

    async def dismiss(self, user_id: str, announcement_id: UUID, at: datetime) -> bool:
        done = await self._db.fetchval(
            "insert into announcement_reads as r (user_id, announcement_id, read_at, dismissed_at)"
            " select id, $2, $3, $3 from users where id = $1 and deleted_at is null"
            " on conflict (user_id, announcement_id) do update set dismissed_at = $3"
            " where r.dismissed_at is null returning 1",
            user_id,
            announcement_id,
            at,
        )
        return bool(done)

    async def changed_since(
        self, user_ids: Collection[str], since: datetime
    ) -> tuple[InboxChange, ...]:
        rows = await self._db.fetch(
            "select user_id, announcement_id, dismissed_at is not null as removed"
            " from announcement_reads where user_id = any($1::text[])"
            " and (read_at >= $2 or dismissed_at >= $2) order by user_id, announcement_id",
            list(user_ids),
            since,
        )
        return tuple(
            InboxChange(row["user_id"], row["announcement_id"], row["removed"]) for row in rows
        )

    async def claim_untold(
        self, *, older_than: datetime, again_before: datetime, limit: int
    ) -> tuple[UUID, ...]:
        rows = await self._db.fetch(_CLAIM, older_than, again_before, limit)
        return tuple(row["id"] for row in rows)


def _announcement(row: Any) -> Announcement:
    given = {name: row[name] for name in _NAMES}
    return Announcement(
        **given
        | {
            "audience": audience_of(row["audience"]),
            "channels": tuple(Channel(name) for name in row["channels"]),
            "priority": Priority(row["priority"]),
            "status": AnnouncementStatus(row["status"]),
        }
    )


def _values(item: Announcement) -> tuple[Any, ...]:
    return (
        item.title, item.content, dict(item.data), item.audience.wire(), list(item.channels),
        item.priority, item.starts_at, item.ends_at, item.status, item.updated_at, item.revision,
        item.version, item.published_version, item.untold_since, item.sent_at,
    )  # fmt: skip
