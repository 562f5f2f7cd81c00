"""What waits to be gathered. Whoever changes a digest holds an advisory lock on it."""

from datetime import datetime
from uuid import UUID

from domain.enums import Channel
from domain.ports.digests import ClaimedItem, WaitingDigest
from domain.records.notifications import Notification
from storage.encryption import KeyRing
from storage.engine import Connection
from storage.notifications import views_by_ids

_PUT = """
    insert into digest_items (notification_id, user_id, digest_key, channels, ends_at, told_at)
    select $1, $2, $3, $4, $5, (
        select max(known.told_at) from digest_items known
        where known.user_id = $2 and known.digest_key = $3 and known.ends_at <= $5)
    on conflict (notification_id) do update
    set channels = excluded.channels, ends_at = excluded.ends_at, told_at = excluded.told_at,
        stored_at = now()
    returning told_at is null
"""
_DUE = """
    select i.notification_id from digest_items i join notifications n on n.id = i.notification_id
    where i.user_id = $1 and i.digest_key = $2
      and ($3::timestamptz is null or i.ends_at <= $3)
    order by i.stored_at, i.notification_id limit $4 for update of n
"""
"""First the rows, so that a cancel or change under way has ended when the next statement looks."""
_TAKE = """
    with due as (
        delete from digest_items i using notifications n
        where i.notification_id = any($1::uuid[]) and n.id = i.notification_id
        returning i.notification_id, i.channels,
            n.cancel_requested_at is null and n.deleted_at is null as wanted
    ), closed as (
        update notification_deliveries l
        set status = 'skipped', reason = 'digested', until = null, updated_at = now()
        from due where l.notification_id = due.notification_id and due.wanted
          and l.channel = any(due.channels) and l.status in ('pending', 'deferred')
        returning l.notification_id
    ), taken as (
        select notification_id, channels from due
        where notification_id in (select notification_id from closed)
    )
    update notifications n
    set digest_id = $2, revision = n.revision + 1, updated_at = now(),
        status = case when apart.goes_on then n.status else 'digested' end,
        reason = case when apart.goes_on then n.reason else 'digested' end,
        until = case when apart.goes_on then n.until end
    from taken, lateral (
        select exists (
            select 1 from notification_deliveries l
            where l.notification_id = taken.notification_id
              and l.channel <> all(taken.channels) and l.status in ('pending', 'deferred',
                'sending', 'sent', 'delivered', 'bounced', 'complained')) as goes_on) apart
    where n.id = taken.notification_id
    returning n.id, taken.channels
"""
_FORGOTTEN = """
    with lost as (
        (select user_id, digest_key, ends_at from digest_items
         where told_at is null and stored_at < $1
         order by stored_at limit $3)
        union all
        (select user_id, digest_key, ends_at from digest_items
         where ends_at < $2 and told_at < $2
         order by ends_at limit $3)
    )
    select user_id, digest_key, min(ends_at) as ends_at from lost group by user_id, digest_key
"""


class SqlDigests:
    def __init__(self, connection: Connection, keys: KeyRing) -> None:
        self._db = connection
        self._keys = keys

    async def lock(self, user_id: str, digest_key: str) -> None:
        await self._db.execute(
            "select pg_advisory_xact_lock(hashtextextended($1 || '/' || $2, 17))",
            user_id,
            digest_key,
        )

    async def put(
        self,
        notification: Notification,
        digest_key: str,
        channels: tuple[Channel, ...],
        ends_at: datetime,
    ) -> bool:
        untold: bool | None = await self._db.fetchval(
            _PUT, notification.id, notification.user_id, digest_key, list(channels), ends_at
        )
        return bool(untold)

    async def withdraw(self, notification_id: UUID) -> None:
        await self._db.execute(
            "delete from digest_items where notification_id = $1", notification_id
        )

    async def waiting(self, notification_id: UUID) -> WaitingDigest | None:
        row = await self._db.fetchrow(
            "select user_id, digest_key, ends_at from digest_items where notification_id = $1",
            notification_id,
        )
        return WaitingDigest(**dict(row)) if row else None

    async def claim(
        self, user_id: str, digest_key: str, digest_id: UUID, *, due: datetime | None, limit: int
    ) -> tuple[ClaimedItem, ...]:
        found = await self._db.fetch(_DUE, user_id, digest_key, due, limit)
        if not found:
            return ()
        rows = await self._db.fetch(_TAKE, [row["notification_id"] for row in found], digest_id)
        channels = {row["id"]: tuple(Channel(name) for name in row["channels"]) for row in rows}
        views = await views_by_ids(self._db, self._keys, list(channels))
        return tuple(ClaimedItem(view, channels[view.notification.id]) for view in views)

    async def next_end(self, user_id: str, digest_key: str) -> datetime | None:
        ends_at: datetime | None = await self._db.fetchval(
            "select min(ends_at) from digest_items where user_id = $1 and digest_key = $2",
            user_id,
            digest_key,
        )
        return ends_at

    async def count(self, user_id: str, digest_key: str) -> int:
        waiting: int = await self._db.fetchval(
            "select count(*) from digest_items where user_id = $1 and digest_key = $2",
            user_id,
            digest_key,
        )
        return waiting

    async def mark_told(self, digest: WaitingDigest) -> None:
        await self._db.execute(
            "update digest_items set told_at = now() where user_id = $1 and digest_key = $2"
            " and ends_at >= $3",
            digest.user_id,
            digest.digest_key,
            digest.ends_at,
        )

    async def forgotten(
        self, *, stored_before: datetime, told_before: datetime, limit: int
    ) -> tuple[WaitingDigest, ...]:
        rows = await self._db.fetch(_FORGOTTEN, stored_before, told_before, limit)
        return tuple(WaitingDigest(**dict(row)) for row in rows)
