"""Dead letters, suppressions, pauses, the audit log."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from domain.enums import Channel
from domain.paging import Cursor, Page, PageRequest
from domain.ports.operations import DeadLetterFilter
from domain.records.operations import AuditEntry, DeadLetter, PausedPart
from domain.records.people import Suppression
from storage.encryption import KeyRing
from storage.engine import Connection

_LETTER = (
    "id, notification_id, delivery_id, user_id, type, channel, provider, code, message,"
    " created_at, status, resolved_at"
)

_SUPPRESS = """
    insert into suppressions as held (id, channel, address_hash, address, user_id, reason, source,
        created_at, expires_at)
    values ($1, $2, $3, $4, $5, $6, $7, $8, $9)
    on conflict (channel, address_hash) do update
    set id = excluded.id, address = excluded.address, user_id = excluded.user_id,
        reason = excluded.reason, source = excluded.source, created_at = excluded.created_at,
        expires_at = excluded.expires_at
    where coalesce(excluded.expires_at, 'infinity') > coalesce(held.expires_at, 'infinity')
        or (coalesce(excluded.expires_at, 'infinity') = coalesce(held.expires_at, 'infinity')
            and ((held.reason = 'opted_out' and excluded.reason <> 'opted_out')
                or (held.reason = 'bounced' and excluded.reason = 'complained')))
    returning *
"""
_SUPPRESSION = "select * from suppressions where channel = $1 and address_hash = $2"


class SqlOperations:
    def __init__(self, connection: Connection, keys: KeyRing) -> None:
        self._db = connection
        self._keys = keys

    async def dead_letters(self, where: DeadLetterFilter, page: PageRequest) -> Page[DeadLetter]:
        wanted = [
            ("type = ${}", where.type),
            ("channel = ${}", where.channel),
            ("provider = ${}", where.provider),
            ("code = ${}", where.code),
            ("status = ${}", where.status),
            ("created_at >= ${}", where.created_after),
            ("created_at < ${}", where.created_before),
        ]
        given: list[Any] = []
        clauses = ["true"]
        for text, value in wanted:
            if value is not None:
                given.append(value)
                clauses.append(text.format(len(given)))
        if page.cursor is not None:
            clauses.append(f"(created_at, id) < (${len(given) + 1}, ${len(given) + 2})")
            given += [page.cursor.at, UUID(page.cursor.id)]
        rows = await self._db.fetch(
            f"select {_LETTER} from dead_letters where {' and '.join(clauses)}"
            f" order by created_at desc, id desc limit ${len(given) + 1}",
            *given,
            page.limit + 1,
        )
        letters = tuple(_letter(row) for row in rows[: page.limit])
        more = len(rows) > page.limit
        return Page(letters, Cursor(letters[-1].created_at, str(letters[-1].id)) if more else None)

    async def dead_letter(self, dead_letter_id: UUID) -> DeadLetter | None:
        row = await self._db.fetchrow(
            f"select {_LETTER} from dead_letters where id = $1", dead_letter_id
        )
        return _letter(row) if row else None

    async def resolve_dead_letter(self, dead_letter_id: UUID, status: str, at: datetime) -> bool:
        done = await self._db.fetchval(
            "update dead_letters set status = $2, resolved_at = $3"
            " where id = $1 and status = 'open' returning 1",
            dead_letter_id,
            status,
            at,
        )
        return bool(done)

    async def resolve_letters_of(self, delivery_ids: Sequence[UUID], at: datetime) -> None:
        await self._db.execute(
            "update dead_letters set status = 'resolved', resolved_at = $2"
            " where notification_id in (select notification_id from notification_deliveries"
            " where id = any($1::uuid[])) and delivery_id = any($1::uuid[]) and status = 'open'",
            list(delivery_ids),
            at,
        )

    async def suppress(self, suppression: Suppression) -> Suppression:
        address = suppression.address or ""
        lookup = self._lookup(suppression.channel, address)
        row = await self._db.fetchrow(
            _SUPPRESS,
            suppression.id,
            suppression.channel,
            lookup,
            self._keys.system.seal("suppression", address),
            suppression.user_id,
            suppression.reason,
            suppression.source,
            suppression.created_at,
            suppression.expires_at,
        )
        if row is None:
            row = await self._db.fetchrow(_SUPPRESSION, suppression.channel, lookup)
        return self._suppression(row)

    async def suppression(self, channel: Channel, address: str, at: datetime) -> Suppression | None:
        row = await self._db.fetchrow(
            f"{_SUPPRESSION} and (expires_at is null or expires_at > $3)",
            channel,
            self._lookup(channel, address),
            at,
        )
        return self._suppression(row) if row else None

    async def lift_opt_out(self, channel: Channel, address: str, before: datetime) -> bool:
        done = await self._db.fetchval(
            "delete from suppressions where channel = $1 and address_hash = $2"
            " and reason = 'opted_out' and created_at < $3 returning 1",
            channel,
            self._lookup(channel, address),
            before,
        )
        return bool(done)

    def _lookup(self, channel: Channel, address: str) -> str:
        return self._keys.lookup(channel, address.lower() if channel is Channel.EMAIL else address)

    async def suppressions(self, page: PageRequest) -> Page[Suppression]:
        after = "where (created_at, id) < ($2, $3)" if page.cursor else ""
        cursor = [page.cursor.at, UUID(page.cursor.id)] if page.cursor else []
        rows = await self._db.fetch(
            f"select * from suppressions {after} order by created_at desc, id desc limit $1",
            page.limit + 1,
            *cursor,
        )
        shown = tuple(self._suppression(row) for row in rows[: page.limit])
        more = len(rows) > page.limit
        return Page(shown, Cursor(shown[-1].created_at, str(shown[-1].id)) if more else None)

    async def lift_suppression(self, suppression_id: UUID) -> Suppression | None:
        row = await self._db.fetchrow(
            "delete from suppressions where id = $1 returning *", suppression_id
        )
        return self._suppression(row) if row else None

    async def paused(self) -> tuple[PausedPart, ...]:
        rows = await self._db.fetch("select name, at, divert from paused_parts order by name")
        return tuple(PausedPart(row["name"], row["at"], row["divert"]) for row in rows)

    async def pause(self, part: PausedPart) -> None:
        await self._db.execute(
            "insert into paused_parts (name, at, divert) values ($1, $2, $3)"
            " on conflict (name) do update set divert = excluded.divert",
            part.name,
            part.at,
            part.divert,
        )

    async def resume(self, name: str) -> bool:
        done = await self._db.fetchval("delete from paused_parts where name = $1 returning 1", name)
        return bool(done)

    async def audit(self, entry: AuditEntry) -> None:
        await self._db.execute(
            "insert into audit_log (at, actor, action, subject, detail)"
            " values ($1, $2, $3, $4, $5)",
            entry.at,
            entry.actor,
            entry.action,
            entry.subject,
            dict(entry.detail),
        )

    async def audit_log(self, page: PageRequest) -> Page[AuditEntry]:
        after = "where (at, seq) < ($2, $3)" if page.cursor else ""
        cursor = [page.cursor.at, int(page.cursor.id)] if page.cursor else []
        rows = await self._db.fetch(
            f"select * from audit_log {after} order by at desc, seq desc limit $1",
            page.limit + 1,
            *cursor,
        )
        shown = rows[: page.limit]
        entries = tuple(
            AuditEntry(row["at"], row["actor"], row["action"], row["subject"], row["detail"])
            for row in shown
        )
        more = len(rows) > page.limit
        return Page(entries, Cursor(shown[-1]["at"], str(shown[-1]["seq"])) if more else None)

    def _suppression(self, row: Any) -> Suppression:
        return Suppression(
            id=row["id"],
            channel=Channel(row["channel"]),
            reason=row["reason"],
            source=row["source"],
            created_at=row["created_at"],
            user_id=row["user_id"],
            address=self._keys.system.open("suppression", row["address"]),
            expires_at=row["expires_at"],
        )


def _letter(row: Any) -> DeadLetter:
    return DeadLetter(
        **{**dict(row), "channel": Channel(row["channel"]) if row["channel"] else None}
    )
