"""How many messages a number had; exact however many processes ask at once.

Whoever asks about a number holds an advisory lock on it until the transaction ends.
"""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from domain.sms.limits import NumberLimit, next_allowed
from storage.encryption import KeyRing
from storage.engine import Connection


class SqlSmsUsage:
    """Implements `NumberUsageRepository`."""

    def __init__(self, connection: Connection, keys: KeyRing) -> None:
        self._db = connection
        self._keys = keys

    def hash_of(self, number: str) -> str:
        return self._keys.lookup("sms", number)

    async def reserve(
        self,
        number_hash: str,
        notification_id: UUID,
        at: datetime,
        limits: Sequence[NumberLimit],
    ) -> datetime | None:
        await self._db.execute("select pg_advisory_xact_lock(hashtextextended($1, 8))", number_hash)
        longest = max((limit.window for limit in limits), default=None)
        rows = await self._db.fetch(
            "select notification_id, at from sms_number_usage where number_hash = $1"
            " and (at > $2 or notification_id = $3) order by at",
            number_hash,
            at - longest if longest else at,
            notification_id,
        )
        if any(row["notification_id"] == notification_id for row in rows):
            return None
        free_at = next_allowed([row["at"] for row in rows], at, limits)
        if free_at is None:
            await self._db.execute(
                "insert into sms_number_usage (number_hash, notification_id, at)"
                " values ($1, $2, $3)",
                number_hash,
                notification_id,
                at,
            )
        return free_at

    async def release(self, number_hash: str, notification_id: UUID) -> None:
        await self._db.execute(
            "delete from sms_number_usage where number_hash = $1 and notification_id = $2",
            number_hash,
            notification_id,
        )

    async def forget(self, before: datetime) -> int:
        gone: int = await self._db.fetchval(
            "with gone as (delete from sms_number_usage where at < $1 returning 1)"
            " select count(*) from gone",
            before,
        )
        return gone
