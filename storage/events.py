"""The event log, and the outbox of what workflows are still to be told."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final
from uuid import UUID

from domain.enums import Channel, EventType
from domain.records.events import Event, PendingSignal
from storage.engine import Connection

_COPY_FROM: Final = 10
"""Rows from which COPY is quicker."""


class SqlEvents:
    def __init__(self, connection: Connection) -> None:
        self._db = connection

    async def append(self, events: Sequence[Event]) -> None:
        sql = (
            "insert into event_log (type, user_id, notification_id, channel, detail, at)"
            " values ($1, $2, $3, $4, $5, $6)"
        )
        rows = [
            (e.type, e.user_id, e.notification_id, e.channel, dict(e.detail), e.at) for e in events
        ]
        if len(rows) == 1:
            await self._db.execute(sql, *rows[0])
        elif len(rows) < _COPY_FROM:
            await self._db.executemany(sql, rows)
        else:
            columns = ("type", "user_id", "notification_id", "channel", "detail", "at")
            await self._db.copy_records_to_table("event_log", records=rows, columns=columns)

    async def timeline(self, notification_id: UUID) -> tuple[Event, ...]:
        rows = await self._db.fetch(
            "select type, user_id, notification_id, channel, detail, at from event_log"
            " where notification_id = $1 order by seq",
            notification_id,
        )
        return tuple(
            Event(
                type=EventType(row["type"]),
                user_id=row["user_id"],
                at=row["at"],
                notification_id=row["notification_id"],
                channel=Channel(row["channel"]) if row["channel"] else None,
                detail=row["detail"],
            )
            for row in rows
        )


class SqlSignals:
    def __init__(self, connection: Connection) -> None:
        self._db = connection

    async def add(self, signals: Sequence[PendingSignal]) -> None:
        await self._db.executemany(
            "insert into workflow_signals (id, notification_id, redrives, kind, created_at,"
            " claimed_at) values ($1, $2, $3, $4, $5, now())",
            [(s.id, s.notification_id, s.redrives, s.kind, s.created_at) for s in signals],
        )

    async def claim(
        self, *, older_than: datetime, again_before: datetime, limit: int
    ) -> tuple[PendingSignal, ...]:
        rows = await self._db.fetch(
            "update workflow_signals set claimed_at = now() where id in ("
            " select id from workflow_signals where created_at < $1"
            " and (claimed_at is null or claimed_at < $2)"
            " order by created_at limit $3 for update skip locked)"
            " returning id, notification_id, redrives, kind, created_at",
            older_than,
            again_before,
            limit,
        )
        return tuple(PendingSignal(**dict(row)) for row in rows)

    async def done(self, ids: Sequence[UUID]) -> None:
        await self._db.execute("delete from workflow_signals where id = any($1::uuid[])", list(ids))
