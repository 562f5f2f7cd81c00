"""The in-app inbox: numbered items per user, words sealed."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any
from uuid import UUID

from domain.paging import Cursor, Page, PageRequest
from domain.records.inbox import InboxChange, InboxItem
from storage.encryption import KEY_JOIN, KeyRing, Sealer
from storage.engine import Connection
from storage.notifications import views_of
from storage.rows import NOTIFICATION_COLUMNS, qualified

_ITEM = (
    f"select {qualified(NOTIFICATION_COLUMNS, 'n')}, n.title, n.content, n.data, n.options,"
    " i.seq, i.title as inbox_title, i.body as inbox_body, i.created_at as inbox_at,"
    " k.wrapped_key, k.master_key_id"
    " from inbox_items i join notifications n on n.id = i.notification_id"
    f" {KEY_JOIN} i.user_id"
    " where i.user_id = $1 and i.deleted_at is null"
)
_ADD = """
    with known as (select seq from inbox_items where notification_id = $2),
    counter as (
        insert into inbox_counters as c (user_id, last_seq)
        select $1, 1 where not exists (select 1 from known) and ($6::bytea is null or exists (
            select 1 from user_keys where user_id = $1 and wrapped_key = $6))
        on conflict (user_id) do update set last_seq = c.last_seq + 1
        returning last_seq
    ), added as (
        insert into inbox_items (user_id, seq, notification_id, title, body, created_at)
        select $1, last_seq, $2, $4, $5, $3 from counter
        returning seq
    )
    select seq from added union all select seq from known
"""
_UNREAD_WITH = """
    select (select count(*) from inbox_items
            where user_id = $1 and read_at is null and deleted_at is null)
        + (exists (select 1 from notification_deliveries where notification_id = $2
                and channel = 'websocket' and status = 'pending' and reason is null)
            and not exists (select 1 from inbox_items where notification_id = $2))::int
"""
"""A line that is pending for a reason is held in reserve."""


class SqlInbox:
    def __init__(self, connection: Connection, keys: KeyRing) -> None:
        self._db = connection
        self._keys = keys

    async def add(
        self, user_id: str, notification_id: UUID, at: datetime, *, title: str | None, body: str
    ) -> int:
        async def attempt(sealer: Sealer | None) -> int | None:
            seq: int | None = await self._db.fetchval(
                _ADD,
                user_id,
                notification_id,
                at,
                sealer.seal("inbox.title", title) if sealer else None,
                sealer.seal("inbox.body", body) if sealer else None,
                sealer.wrapped if sealer else None,
            )
            return seq

        seq = await self._keys.write(self._db, user_id, attempt)
        return seq if seq is not None else int(await attempt(None) or 0)

    async def list(self, user_id: str, *, unread_only: bool, page: PageRequest) -> Page[InboxItem]:
        before = "and i.seq < $3" if page.cursor else ""
        cursor = [int(page.cursor.id)] if page.cursor and page.cursor.id.isdigit() else []
        if page.cursor and not cursor:
            before = ""
        unread = "and i.read_at is null" if unread_only else ""
        items = await self._items(
            f"{_ITEM} {unread} {before} order by i.seq desc limit $2",
            user_id,
            page.limit + 1,
            *cursor,
        )
        shown = items[: page.limit]
        if len(items) <= page.limit:
            return Page(shown)
        last = shown[-1]
        return Page(shown, Cursor(last.view.notification.created_at, str(last.seq)))

    async def after(self, user_id: str, seq: int, limit: int) -> tuple[InboxItem, ...]:
        return await self._items(
            f"{_ITEM} and i.seq > $2 order by i.seq limit $3", user_id, seq, limit
        )

    async def counts(self, user_id: str) -> tuple[int, int, int]:
        row = await self._db.fetchrow(
            "select count(*) as total, count(*) filter (where read_at is null) as unread,"
            " (select coalesce(max(last_seq), 0) from inbox_counters where user_id = $1) as last"
            " from inbox_items where user_id = $1 and deleted_at is null",
            user_id,
        )
        return row["total"], row["unread"], row["last"]

    async def unread_with(self, user_id: str, notification_id: UUID) -> int:
        unread: int = await self._db.fetchval(_UNREAD_WITH, user_id, notification_id)
        return unread

    async def last_seqs(self, user_ids: Collection[str]) -> Mapping[str, int]:
        rows = await self._db.fetch(
            "select user_id, last_seq from inbox_counters where user_id = any($1::text[])",
            list(user_ids),
        )
        return {row["user_id"]: row["last_seq"] for row in rows}

    async def changed_since(
        self, user_ids: Collection[str], since: datetime
    ) -> tuple[InboxChange, ...]:
        rows = await self._db.fetch(
            "select user_id, notification_id, deleted_at is not null as removed from inbox_items"
            " where user_id = any($1::text[]) and (read_at >= $2 or deleted_at >= $2)"
            " order by user_id, seq",
            list(user_ids),
            since,
        )
        return tuple(
            InboxChange(row["user_id"], row["notification_id"], row["removed"]) for row in rows
        )

    async def mark_read(self, user_id: str, ids: Sequence[UUID], at: datetime) -> tuple[UUID, ...]:
        rows = await self._db.fetch(
            "with read as (update inbox_items set read_at = $3 where user_id = $1"
            " and notification_id = any($2::uuid[]) and read_at is null and deleted_at is null"
            " returning notification_id)"
            " update notifications n set read_at = $3 from read"
            " where n.id = read.notification_id returning n.id",
            user_id,
            list(ids),
            at,
        )
        return tuple(row["id"] for row in rows)

    async def remove(self, user_id: str, notification_id: UUID) -> bool:
        done = await self._db.fetchval(
            "update inbox_items set deleted_at = now() where user_id = $1"
            " and notification_id = $2 and deleted_at is null returning 1",
            user_id,
            notification_id,
        )
        return bool(done)

    async def _items(self, sql: str, *values: Any) -> tuple[InboxItem, ...]:
        rows = await self._db.fetch(sql, *values)
        views = await views_of(self._db, self._keys, rows)
        items = []
        for row, view in zip(rows, views, strict=True):
            sealer = self._keys.of(row["user_id"], row)
            words = {
                "title": sealer.open("inbox.title", row["inbox_title"]) if sealer else None,
                "content": sealer.open("inbox.body", row["inbox_body"]) if sealer else None,
            }
            given = {name: text for name, text in words.items() if text}
            content = view.content.model_copy(update=given)
            items.append(InboxItem(row["seq"], replace(view, content=content), row["inbox_at"]))
        return tuple(items)
