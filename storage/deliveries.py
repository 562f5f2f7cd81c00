"""The ledger: intents, results, receipts, dead letters; each write a compare-and-set."""

from collections.abc import Mapping, Sequence
from dataclasses import fields
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from domain.enums import Channel, DeliveryStatus
from domain.ids import new_id
from domain.ports.deliveries import AttemptResult, DeliveryJob, Intent, Received
from domain.records.notifications import Delivery
from domain.records.operations import DeadLetter
from storage.delivery_jobs import JOB, devices_of, job_of
from storage.encryption import KeyRing
from storage.engine import Connection
from storage.held import release_held
from storage.receipts import receive
from storage.rows import DELIVERY_COLUMNS, delivery_of, qualified

INTENT = f"""
    update notification_deliveries d
    set status = 'sending', attempts = d.attempts + 1, updated_at = now(),
        intent_at = coalesce(d.intent_at, $3), batch_key = before.key,
        provider_id = before.provider,
        provider_failures = case when before.provider is distinct from d.provider_id then 0
            else d.provider_failures end
    from (select l.id, l.status,
              case when l.status = 'sending' then l.provider_id else way.provider end as provider,
              case when l.status = 'sending' then l.batch_key else way.key end as key
          from notification_deliveries l
          join unnest($1::uuid[], $2::text[], $4::uuid[]) as way(id, provider, key)
            on way.id = l.id
          where l.status in ('pending', 'deferred', 'sending')
          order by l.id for update of l) before
    where d.id = before.id
    returning {qualified(DELIVERY_COLUMNS, "d")}, before.status = 'sending' as in_doubt
"""
"""Lines, their providers, the instant, and the keys of the calls a batch makes."""
_RECORD = f"""
    with result as (
        select * from jsonb_to_recordset($1) as r(delivery_id uuid, status text, provider text,
            at timestamptz, outcome text, provider_message_id text, error_code text,
            error_message text, next_attempt_at timestamptz, segments int, attempt_id uuid,
            gives_up boolean, cost_minor numeric, cost_currency text)
    ), moved as (
        update notification_deliveries d
        set status = r.status, updated_at = now(),
            provider_message_id = coalesce(r.provider_message_id, d.provider_message_id),
            retry_count = d.retry_count + (r.outcome in ('retry', 'failover'))::int,
            provider_failures = d.provider_failures + (r.outcome in ('retry', 'failover'))::int,
            given_up = case when r.gives_up then d.given_up || r.provider else d.given_up end,
            cost_minor = coalesce(r.cost_minor, d.cost_minor),
            cost_currency = coalesce(r.cost_currency, d.cost_currency),
            sent_at = case when r.status in ('sent', 'delivered') then coalesce(d.sent_at, r.at)
                else d.sent_at end,
            delivered_at = case when r.status = 'delivered' then coalesce(d.delivered_at, r.at)
                else d.delivered_at end,
            error_code = r.error_code, error_message = r.error_message, until = null,
            reason = null, segments = coalesce(r.segments, d.segments)
        from result r where d.id = r.delivery_id and d.status = 'sending'
        returning {qualified(DELIVERY_COLUMNS, "d")}
    ), attempt as (
        insert into delivery_attempts (id, delivery_id, number, provider, outcome,
            provider_message_id, error_code, error_message, next_attempt_at, at)
        select r.attempt_id, r.delivery_id, m.attempts, r.provider, r.outcome,
            r.provider_message_id, r.error_code, r.error_message, r.next_attempt_at, r.at
        from result r join moved m on m.id = r.delivery_id
    )
    select * from moved
"""


class SqlDeliveries:
    def __init__(self, connection: Connection, keys: KeyRing) -> None:
        self._db = connection
        self._keys = keys

    async def load_job(self, notification_id: UUID, channel: Channel) -> DeliveryJob | None:
        row = await self._db.fetchrow(f"{JOB} where n.id = $1", notification_id)
        if row is None:
            return None
        of = [row["user_id"]] if channel is Channel.PUSH else []
        return job_of(row, channel, self._keys, await devices_of(self._db, of))

    async def write_intent(
        self, notification_id: UUID, providers: Mapping[UUID, str], at: datetime
    ) -> tuple[Intent, ...]:
        allowed = await self._db.fetchval(
            "update notifications set first_intent_at = coalesce(first_intent_at, $2),"
            " status = case when status in ('accepted', 'scheduled') then 'processing'"
            " else status end, updated_at = now()"
            " where id = $1 and cancel_requested_at is null"
            " and status not in ('cancelled', 'skipped', 'expired', 'digested', 'failed')"
            " returning 1",
            notification_id,
            at,
        )
        if not allowed or not providers:
            return ()
        alone = [None] * len(providers)
        rows = await self._db.fetch(INTENT, list(providers), list(providers.values()), at, alone)
        return tuple(Intent(delivery_of(row), row["in_doubt"]) for row in rows)

    async def hold(
        self, notification_id: UUID, delivery_ids: Sequence[UUID], reason: str, provider: str | None
    ) -> None:
        await self._db.execute(
            "update notification_deliveries set status = 'deferred', reason = $2,"
            " provider_id = coalesce($3, provider_id), updated_at = now()"
            " where notification_id = $1 and id = any($4::uuid[]) and status = 'pending'",
            notification_id,
            reason,
            provider,
            list(delivery_ids),
        )

    async def release_held(self, limit: int, at: datetime) -> tuple[tuple[UUID, int], ...]:
        return await release_held(self._db, limit, at)

    async def add(self, deliveries: Sequence[Delivery]) -> None:
        await self._db.executemany(
            "insert into notification_deliveries (id, notification_id, channel, target, status,"
            " created_at, updated_at) values ($1, $2, $3, $4, $5, $6, $7)"
            " on conflict (notification_id, channel, target) do nothing",
            [
                (d.id, d.notification_id, d.channel, d.target, d.status, d.created_at, d.updated_at)
                for d in deliveries
            ],
        )

    async def record(self, results: Sequence[AttemptResult]) -> tuple[Delivery, ...]:
        payload = [_shallow(result) | {"attempt_id": new_id()} for result in results]
        rows = await self._db.fetch(_RECORD, payload)
        return tuple(delivery_of(row) for row in rows)

    async def close_open(
        self,
        notification_id: UUID,
        status: DeliveryStatus,
        reason: str,
        *,
        channel: Channel | None = None,
    ) -> int:
        done: str = await self._db.execute(
            "update notification_deliveries set status = $2::text, reason = $3::text, until = null,"
            " updated_at = now(),"
            " error_code = case when $2::text = 'failed' then $3::text else error_code end"
            " where notification_id = $1 and status in ('pending', 'deferred')"
            " and ($4::text is null or channel = $4)",
            notification_id,
            status,
            reason,
            channel,
        )
        return int(done.rpartition(" ")[2])

    async def of(self, notification_id: UUID) -> tuple[Delivery, ...]:
        rows = await self._db.fetch(
            f"select {DELIVERY_COLUMNS} from notification_deliveries where notification_id = $1"
            " order by created_at, id",
            notification_id,
        )
        return tuple(delivery_of(row) for row in rows)

    async def known_message_ids(self, provider: str, ids: Sequence[str]) -> frozenset[str]:
        rows = await self._db.fetch(
            "select provider_message_id from notification_deliveries"
            " where provider_id = $1 and provider_message_id = any($2::text[])"
            " union select provider_message_id from campaign_messages"
            " where provider_message_id = any($2::text[])",
            provider,
            list(ids),
        )
        return frozenset(row["provider_message_id"] for row in rows)

    async def reopen(self, notification_id: UUID, delivery_id: UUID | None) -> int:
        done: str = await self._db.execute(
            "update notification_deliveries set status = 'pending', reason = null, until = null,"
            " attempts = 0, retry_count = 0, provider_failures = 0, given_up = '{}',"
            " batch_key = null,"
            " error_code = null, error_message = null,"
            " updated_at = now() where notification_id = $1 and status in ('failed', 'unknown')"
            " and ($2::uuid is null or id = $2)",
            notification_id,
            delivery_id,
        )
        return int(done.rpartition(" ")[2])

    async def receive(
        self,
        provider: str,
        provider_message_id: str,
        status: DeliveryStatus,
        at: datetime,
        *,
        code: str | None,
        message: str | None,
    ) -> tuple[Received, ...]:
        told = (status, at, code, message)
        return await receive(self._db, provider, provider_message_id, *told)

    async def bury(self, letters: Sequence[DeadLetter]) -> None:
        if not letters:
            return
        await self._db.executemany(
            "insert into dead_letters (id, notification_id, delivery_id, user_id, type, channel,"
            " provider, code, message, status, created_at)"
            " values ($1, $2, $3, $4, $5, $6, $7, $8, $9, 'open', $10)"
            " on conflict (notification_id, (coalesce(delivery_id::text, channel)))"
            " where status = 'open' do nothing",
            [
                (
                    letter.id, letter.notification_id, letter.delivery_id, letter.user_id,
                    letter.type, letter.channel, letter.provider, letter.code, letter.message,
                    letter.created_at,
                )
                for letter in letters
            ],
        )  # fmt: skip


_RESULT_FIELDS: Final = tuple(field.name for field in fields(AttemptResult))


def _shallow(result: AttemptResult) -> dict[str, Any]:
    """`asdict` copies every value, which costs more than writing them."""
    return {name: getattr(result, name) for name in _RESULT_FIELDS}
