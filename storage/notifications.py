"""Notifications: the rows everything else hangs on."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from domain.content import Content
from domain.enums import NotificationStatus, PlanTrigger
from domain.errors import Invalid, unknown_user
from domain.paging import Cursor, Page, PageRequest
from domain.plan_types import Plan
from domain.ports.notifications import NotificationFilter
from domain.records.notifications import Notification, NotificationView, PlanRecord
from storage.encryption import KEY_JOIN, KeyRing, Sealer
from storage.engine import Connection
from storage.rows import (
    DELIVERY_COLUMNS,
    NOTIFICATION_COLUMNS,
    delivery_of,
    notification_of,
    open_content,
    qualified,
    seal_content,
)

ALL_COLUMNS = f"{NOTIFICATION_COLUMNS}, title, content, data, options"
_WIDTH = len(ALL_COLUMNS.split(","))
_VALUES = ", ".join(f"${n}" for n in range(1, _WIDTH + 1))
_INSERT = f"insert into notifications ({ALL_COLUMNS}) values ({_VALUES})"
_INSERT_WITH_KEY = f"""
    insert into notifications ({ALL_COLUMNS}) select {_VALUES} where exists (
        select 1 from user_keys where user_id = $2 and wrapped_key = ${_WIDTH + 1})
"""
_SELECT = f"select {ALL_COLUMNS}, wrapped_key, master_key_id from notifications {KEY_JOIN} user_id"


Views = list[NotificationView]


class SqlNotifications:
    def __init__(self, connection: Connection, keys: KeyRing) -> None:
        self._db = connection
        self._keys = keys

    async def insert(self, items: Sequence[tuple[Notification, Content]]) -> None:
        if len(items) == 1:
            await self._insert_one(*items[0])
            return
        sealers = await self._keys.sealers(self._db, (item.user_id for item, _ in items))
        rows = []
        for item, content in items:
            sealer = sealers.get(item.user_id)
            if sealer is None:
                raise unknown_user(item.user_id)
            rows.append((*row_values(item), *seal_content(sealer, content)))
        await self._db.executemany(_INSERT, rows)

    async def _insert_one(self, item: Notification, content: Content) -> None:
        async def attempt(sealer: Sealer) -> bool | None:
            row = (*row_values(item), *seal_content(sealer, content), sealer.wrapped)
            done = await self._db.execute(_INSERT_WITH_KEY, *row)
            return True if done == "INSERT 0 1" else None

        if not await self._keys.write(self._db, item.user_id, attempt):
            raise unknown_user(item.user_id)

    async def get(self, notification_id: UUID) -> NotificationView | None:
        views = await self._views(
            f"{_SELECT} where id = $1 and deleted_at is null",
            notification_id,
        )
        return views[0] if views else None

    async def lock(self, notification_id: UUID) -> Notification | None:
        row = await self._db.fetchrow(
            f"select {NOTIFICATION_COLUMNS} from notifications where id = $1 for update",
            notification_id,
        )
        return notification_of(row) if row else None

    async def amend(self, notification: Notification, content: Content) -> None:
        sealer = await self._keys.sealer(self._db, notification.user_id)
        if sealer is None:
            raise Invalid("unknown_user", "The notification's user was erased.")
        await self._db.execute(
            "update notifications set priority = $2, channels = $3, scheduled_at = $4,"
            " expires_at = $5, content_hash = $6, updated_at = $7, title = $8, content = $9,"
            " data = $10, options = $11, revision = revision + 1 where id = $1",
            notification.id,
            notification.priority,
            list(notification.channels),
            notification.scheduled_at,
            notification.expires_at,
            notification.content_hash,
            notification.updated_at,
            *seal_content(sealer, content),
        )

    async def set_status(
        self,
        notification_id: UUID,
        status: NotificationStatus,
        *,
        reason: str | None,
        until: datetime | None = None,
    ) -> None:
        await self._db.execute(
            "update notifications set status = $2, reason = $3, until = $4, updated_at = now()"
            " where id = $1",
            notification_id,
            status,
            reason,
            until,
        )

    async def request_cancel(self, notification_id: UUID, at: datetime) -> None:
        await self._db.execute(
            "update notifications set cancel_requested_at = $2 where id = $1", notification_id, at
        )

    async def set_send_now(self, notification_id: UUID) -> None:
        await self._db.execute(
            "update notifications set send_now = true, revision = revision + 1,"
            " updated_at = now() where id = $1",
            notification_id,
        )

    async def reset_for_redrive(self, notification_id: UUID) -> int:
        redrives: int = await self._db.fetchval(
            "update notifications set status = 'accepted', reason = null, until = null,"
            " redrives = redrives + 1, first_intent_at = null, cancel_requested_at = null,"
            " start_claimed_at = null, updated_at = now() where id = $1 returning redrives",
            notification_id,
        )
        return redrives

    async def list(self, where: NotificationFilter, page: PageRequest) -> Page[NotificationView]:
        wanted = [
            ("user_id = ${}", where.user_id),
            ("type = ${}", where.type),
            ("status = ${}", where.status),
            ("${} = any(channels)", where.channel),
            ("created_at >= ${}", where.created_after),
            ("created_at < ${}", where.created_before),
        ]
        given: list[Any] = [value for _, value in wanted if value is not None]
        clauses = ["deleted_at is null"]
        for text, value in wanted:
            if value is not None:
                clauses.append(text.format(len(clauses)))
        if page.cursor is not None:
            clauses.append(f"(created_at, id) < (${len(given) + 1}, ${len(given) + 2})")
            given += [page.cursor.at, UUID(page.cursor.id)]
        views = await self._views(
            f"{_SELECT} where {' and '.join(clauses)}"
            f" order by created_at desc, id desc limit ${len(given) + 1}",
            *given,
            page.limit + 1,
        )
        return _page(views, page.limit, lambda item: item.created_at)

    async def upcoming(self, user_id: str, page: PageRequest) -> Page[NotificationView]:
        due = "coalesce(until, scheduled_at, created_at)"
        after = f"and ({due}, id) > ($3, $4)" if page.cursor else ""
        cursor = [page.cursor.at, UUID(page.cursor.id)] if page.cursor else []
        views = await self._views(
            f"{_SELECT} where user_id = $1 and deleted_at is null"
            f" and status in ('accepted', 'scheduled', 'processing') {after}"
            f" order by {due}, id limit $2",
            user_id,
            page.limit + 1,
            *cursor,
        )
        return _page(
            views, page.limit, lambda item: item.until or item.scheduled_at or item.created_at
        )

    async def plans(self, notification_id: UUID) -> tuple[PlanRecord, ...]:
        rows = await self._db.fetch(
            "select at, trigger, plan from notification_plans where notification_id = $1"
            " order by seq",
            notification_id,
        )
        return tuple(
            PlanRecord(
                notification_id,
                row["at"],
                PlanTrigger(row["trigger"]),
                Plan.model_validate(row["plan"]),
            )
            for row in rows
        )

    async def claim_unstarted(
        self, *, older_than: datetime, again_before: datetime, limit: int
    ) -> tuple[tuple[UUID, int], ...]:
        rows = await self._db.fetch(
            "update notifications set start_claimed_at = now() where id in ("
            " select id from notifications where status = 'accepted'"
            " and start_claimed_at is distinct from 'infinity' and updated_at < $1"
            " and (start_claimed_at is null or start_claimed_at < $2)"
            " order by created_at limit $3 for update skip locked) returning id, redrives",
            older_than,
            again_before,
            limit,
        )
        return tuple((row["id"], row["redrives"]) for row in rows)

    async def mark_started(self, ids: Sequence[UUID]) -> None:
        await self._db.execute(
            "update notifications set start_claimed_at = now() + interval '10 minutes'"
            " where id = any($1::uuid[]) and status = 'accepted'",
            list(ids),
        )

    async def delete(self, ids: Sequence[UUID]) -> int:
        rows = await self._db.fetch(
            "update notifications set deleted_at = now()"
            " where id = any($1::uuid[]) and deleted_at is null returning id",
            list(ids),
        )
        await self._db.execute(
            "update inbox_items set deleted_at = now()"
            " where notification_id = any($1::uuid[]) and deleted_at is null",
            list(ids),
        )
        return len(rows)

    async def _views(self, sql: str, *values: Any) -> Views:
        rows = await self._db.fetch(sql, *values)
        return await views_of(self._db, self._keys, rows)


async def views_of(
    connection: Connection, keys: KeyRing, rows: Sequence[Any]
) -> list[NotificationView]:
    """Rows with all notification columns and their key, opened, with their ledger lines."""
    if not rows:
        return []
    lines = await connection.fetch(
        f"select {qualified(DELIVERY_COLUMNS, 'd')} from notification_deliveries d"
        " where d.notification_id = any($1::uuid[]) order by d.created_at, d.id",
        [row["id"] for row in rows],
    )
    by_notification: dict[UUID, list[Any]] = {}
    for line in lines:
        by_notification.setdefault(line["notification_id"], []).append(delivery_of(line))
    return [
        NotificationView(
            notification_of(row),
            open_content(keys.of(row["user_id"], row), row),
            tuple(by_notification.get(row["id"], ())),
        )
        for row in rows
    ]


async def views_by_ids(
    connection: Connection, keys: KeyRing, ids: Sequence[UUID]
) -> list[NotificationView]:
    rows = await connection.fetch(f"{_SELECT} where id = any($1::uuid[])", ids)
    return await views_of(connection, keys, rows)


def _page(views: list[NotificationView], limit: int, key: Any) -> Page[NotificationView]:
    more = len(views) > limit
    shown = tuple(views[:limit])
    if not more:
        return Page(shown)
    last = shown[-1].notification
    return Page(shown, Cursor(key(last), str(last.id)))


def row_values(item: Notification) -> tuple[Any, ...]:
    return (
        item.id, item.user_id, item.type, item.category, item.priority, list(item.channels),
        item.strategy, item.status, item.created_at, item.updated_at, item.content_hash,
        item.reason, item.until, item.escalate_after, item.scheduled_at, item.expires_at,
        item.dedup_key, item.digest_key, item.template_key, item.template_version,
        item.template_locale, item.send_now, item.revision, item.redrives, item.first_intent_at,
        item.cancel_requested_at, item.read_at, item.digest_id,
    )  # fmt: skip
