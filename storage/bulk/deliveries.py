"""Delivering many notifications: jobs, intents, results and records, a statement for each kind."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from domain.enums import Channel
from domain.ports.bulk import BatchIntent, Standing
from domain.ports.deliveries import DeliveryJob, Intent
from domain.ports.messages import EmailRecord
from domain.records.notifications import Delivery, Notification
from storage.deliveries import INTENT
from storage.delivery_jobs import JOB, devices_of, job_of
from storage.encryption import KEY_JOIN, KeyRing, Sealer
from storage.engine import Connection
from storage.messages import sealed_email
from storage.rows import DELIVERY_COLUMNS, NOTIFICATION_COLUMNS, delivery_of, notification_of

_INTENDED: Final = """
    update notifications n set first_intent_at = coalesce(n.first_intent_at, $2),
        updated_at = now()
    from notification_deliveries d where d.id = any($1::uuid[]) and n.id = d.notification_id
"""
_SETTLE: Final = """
    update notifications n set status = s.status, reason = s.reason, until = s.until,
        updated_at = now()
    from jsonb_to_recordset($1) as s(notification_id uuid, status text, reason text,
        until timestamptz)
    where n.id = s.notification_id
"""
_RETURN: Final = """
    with back as (
        update notifications n set status = 'accepted', reason = null, until = null,
            start_claimed_at = coalesce(way.claimed_at, 'infinity'), updated_at = now()
        from unnest($1::uuid[], $2::timestamptz[]) as way(id, claimed_at)
        where n.id = way.id and n.cancel_requested_at is null
        returning n.id
    )
    update notification_deliveries d set batch_key = null from back
    where d.notification_id = back.id and d.status = 'pending'
"""
_KEEP: Final = """
    insert into email_notifications (notification_id, subject, html_content, text_content,
        from_address, reply_to_address, tracking_enabled)
    select e.id, e.subject, e.html, e.text, e.sender, e.reply_to, e.tracked
    from unnest($1::uuid[], $2::text[], $3::bytea[], $4::text[], $5::text[], $6::text[],
        $7::text[], $8::text[], $9::boolean[])
        as e(id, user_id, wrapped_key, subject, html, text, sender, reply_to, tracked)
    join user_keys k using (user_id, wrapped_key)
    on conflict (notification_id) do update set subject = excluded.subject,
        html_content = excluded.html_content, text_content = excluded.text_content,
        from_address = excluded.from_address, reply_to_address = excluded.reply_to_address,
        tracking_enabled = excluded.tracking_enabled
"""
_KEPT: Final = f"""
    select e.*, n.user_id, k.wrapped_key, k.master_key_id
    from email_notifications e join notifications n on n.id = e.notification_id
    {KEY_JOIN} n.user_id where e.notification_id = any($1::uuid[])
"""


class SqlBulkDeliveries:
    """Implements `BulkDeliveryRepository`."""

    def __init__(self, connection: Connection, keys: KeyRing) -> None:
        self._db = connection
        self._keys = keys

    async def load_jobs(self, channels: Mapping[UUID, Channel]) -> Mapping[UUID, DeliveryJob]:
        rows = await self._db.fetch(f"{JOB} where n.id = any($1::uuid[])", list(channels))
        pushed = {row["user_id"] for row in rows if channels[row["id"]] is Channel.PUSH}
        devices = await devices_of(self._db, pushed)
        return {row["id"]: job_of(row, channels[row["id"]], self._keys, devices) for row in rows}

    async def in_doubt(self, notification_ids: Sequence[UUID]) -> tuple[Delivery, ...]:
        rows = await self._db.fetch(
            f"select {DELIVERY_COLUMNS} from notification_deliveries"
            " where notification_id = any($1::uuid[]) and status = 'sending'"
            " and batch_key is not null order by batch_key, id",
            list(notification_ids),
        )
        return tuple(delivery_of(row) for row in rows)

    async def write_intents(
        self, intents: Sequence[BatchIntent], at: datetime
    ) -> tuple[Intent, ...]:
        ids = [intent.delivery_id for intent in intents]
        await self._db.execute(_INTENDED, ids, at)
        providers, keys = [i.provider for i in intents], [i.key for i in intents]
        rows = await self._db.fetch(INTENT, ids, providers, at, keys)
        return tuple(Intent(delivery_of(row), row["in_doubt"]) for row in rows)

    async def lock(self, notification_ids: Sequence[UUID]) -> Mapping[UUID, Notification]:
        rows = await self._db.fetch(
            f"select {NOTIFICATION_COLUMNS} from notifications where id = any($1::uuid[])"
            " order by id for update",
            list(notification_ids),
        )
        return {row["id"]: notification_of(row) for row in rows}

    async def lines_of(
        self, notification_ids: Sequence[UUID]
    ) -> Mapping[UUID, tuple[Delivery, ...]]:
        rows = await self._db.fetch(
            f"select {DELIVERY_COLUMNS} from notification_deliveries"
            " where notification_id = any($1::uuid[]) order by created_at, id",
            list(notification_ids),
        )
        lines: dict[UUID, list[Delivery]] = {}
        for row in rows:
            lines.setdefault(row["notification_id"], []).append(delivery_of(row))
        return {notification_id: tuple(found) for notification_id, found in lines.items()}

    async def settle(self, standings: Sequence[Standing]) -> None:
        rows = [
            {"notification_id": s.notification_id, "status": s.status, "reason": s.reason,
             "until": s.until}
            for s in standings
        ]  # fmt: skip
        await self._db.execute(_SETTLE, rows)

    async def return_unsent(self, claims: Mapping[UUID, datetime | None]) -> None:
        await self._db.execute(_RETURN, list(claims), list(claims.values()))

    async def keep_emails(self, emails: Sequence[tuple[str, UUID, EmailRecord]]) -> None:
        sealers = await self._keys.sealers(self._db, (user_id for user_id, _, _ in emails))
        rows = [
            _sealed(sealers[user_id], user_id, notification_id, email)
            for user_id, notification_id, email in emails
            if user_id in sealers
        ]
        if rows:
            await self._db.execute(_KEEP, *map(list, zip(*rows, strict=True)))

    async def kept_emails(self, notification_ids: Sequence[UUID]) -> Mapping[UUID, EmailRecord]:
        rows = await self._db.fetch(_KEPT, list(notification_ids))
        return {
            row["notification_id"]: _opened(sealer, row)
            for row in rows
            if (sealer := self._keys.of(row["user_id"], row)) is not None
        }


def _sealed(
    sealer: Sealer, user_id: str, notification_id: UUID, email: EmailRecord
) -> tuple[Any, ...]:
    return (notification_id, user_id, sealer.wrapped, *sealed_email(sealer, email))


def _opened(sealer: Sealer, row: Any) -> EmailRecord:
    return EmailRecord(
        subject=sealer.open("subject", row["subject"]) or "",
        html=sealer.open("html", row["html_content"]),
        text=sealer.open("text", row["text_content"]) or "",
        sender=row["from_address"],
        reply_to=sealer.open("reply_to", row["reply_to_address"]),
        tracked=row["tracking_enabled"],
    )
