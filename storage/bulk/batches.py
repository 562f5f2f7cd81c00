"""Batches, and whose a notification is until its first plan is saved.

A row that is `accepted` and claimed for ever is its batch's: relays pass it by. Releasing it is
setting that claim to an instant; saving its first plan takes it away.
"""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from domain.content import Content
from domain.enums import NotificationStatus
from domain.records.notifications import Notification
from storage.encryption import KeyRing, Sealer
from storage.engine import Connection
from storage.notifications import ALL_COLUMNS, row_values
from storage.rows import NOTIFICATION_COLUMNS, notification_of, qualified, seal_content

THE_BATCHS: Final = "status = 'accepted' and start_claimed_at = 'infinity'"
_FOR_EVER: Final = datetime.max  # noqa: DTZ901 - the driver's word for infinity
_COLUMNS: Final = [*(name.strip() for name in ALL_COLUMNS.split(",")), "start_claimed_at"]
_SLICE: Final = 250
"""Rows sealed between two breaths of the event loop."""

_CANCEL: Final = """
    with stopped as (
        update notifications n set status = s.status, reason = 'cancelled_by_caller', until = null,
            cancel_requested_at = $3, updated_at = now()
        from unnest($1::uuid[], $2::text[]) as s(id, status) where n.id = s.id
    ), closed as (
        update notification_deliveries set status = 'cancelled', reason = 'cancelled_by_caller',
            until = null, updated_at = now()
        where notification_id = any($1::uuid[]) and status in ('pending', 'deferred')
        returning notification_id, channel
    ), uncounted as (
        delete from frequency_usage u using closed c
        where u.notification_id = c.notification_id and u.channel = c.channel
    )
    delete from sms_number_usage u using closed c
    where u.notification_id = c.notification_id and c.channel = 'sms'
"""
_READ: Final = f"""
    with read as (
        update inbox_items set read_at = $3
        where notification_id = any($1::uuid[]) and ($2::text is null or user_id = $2)
            and read_at is null and deleted_at is null
        returning notification_id
    )
    update notifications n set read_at = $3 from read where n.id = read.notification_id
    returning {qualified(NOTIFICATION_COLUMNS, "n")}
"""


class SqlBulk:
    """Implements `BulkRepository`."""

    def __init__(self, connection: Connection, keys: KeyRing) -> None:
        self._db = connection
        self._keys = keys

    async def accept(
        self, batch_id: UUID, items: Sequence[tuple[Notification, Content]], at: datetime
    ) -> frozenset[UUID]:
        sealers = await self._keys.sealers(self._db, (item.user_id for item, _ in items))
        known = [pair for pair in items if pair[0].user_id in sealers]
        for start in range(0, len(known), _SLICE):
            rows = [_row(*pair, sealers) for pair in known[start : start + _SLICE]]
            await self._db.copy_records_to_table("notifications", records=rows, columns=_COLUMNS)
            await asyncio.sleep(0)
        if known:
            await self._db.execute(
                "insert into bulk_batches (id, notification_ids, created_at) values ($1, $2, $3)",
                batch_id,
                [item.id for item, _ in known],
                at,
            )
        return frozenset(item.id for item, _ in items if item.user_id not in sealers)

    async def chunk(self, batch_id: UUID, first: int, size: int) -> tuple[UUID, ...]:
        ids = await self._db.fetchval(
            "select notification_ids[$2:$3] from bulk_batches where id = $1",
            batch_id,
            first + 1,
            first + size,
        )
        return tuple(ids or ())

    async def claim_unstarted(
        self, *, older_than: datetime, again_before: datetime, limit: int
    ) -> tuple[tuple[UUID, int], ...]:
        rows = await self._db.fetch(
            "update bulk_batches set start_claimed_at = now() where id in ("
            " select id from bulk_batches where created_at < $1"
            " and (start_claimed_at is null or start_claimed_at < $2)"
            " order by created_at limit $3 for update skip locked)"
            " returning id, cardinality(notification_ids) as size",
            older_than,
            again_before,
            limit,
        )
        return tuple((row["id"], row["size"]) for row in rows)

    async def mark_started(self, batch_ids: Sequence[UUID]) -> None:
        await self._db.execute(
            "update bulk_batches set start_claimed_at = now() + interval '10 minutes'"
            " where id = any($1::uuid[])",
            list(batch_ids),
        )

    async def release(
        self, notification_ids: Sequence[UUID], claimed_at: datetime
    ) -> tuple[UUID, ...]:
        rows = await self._db.fetch(
            "with mine as (select id from notifications where id = any($1::uuid[])"
            f" and {THE_BATCHS} order by id for update)"
            " update notifications n set start_claimed_at = $2 from mine where n.id = mine.id"
            " returning n.id",
            list(notification_ids),
            claimed_at,
        )
        return tuple(row["id"] for row in rows)

    async def cancel(self, statuses: Mapping[UUID, NotificationStatus], at: datetime) -> None:
        await self._db.execute(_CANCEL, list(statuses), list(statuses.values()), at)

    async def mark_read(
        self, notification_ids: Sequence[UUID], user_id: str | None, at: datetime
    ) -> tuple[Notification, ...]:
        rows = await self._db.fetch(_READ, list(notification_ids), user_id, at)
        return tuple(notification_of(row) for row in rows)

    async def end(self, batch_id: UUID) -> None:
        await self._db.execute("delete from bulk_batches where id = $1", batch_id)

    async def tally(self, notification_ids: Sequence[UUID]) -> Mapping[NotificationStatus, int]:
        rows = await self._db.fetch(
            "select status, count(*) as number from notifications where id = any($1::uuid[])"
            " group by status",
            list(notification_ids),
        )
        return {NotificationStatus(row["status"]): row["number"] for row in rows}


def _row(item: Notification, content: Content, sealers: Mapping[str, Sealer]) -> tuple[Any, ...]:
    return (*row_values(item), *seal_content(sealers[item.user_id], content), _FOR_EVER)
