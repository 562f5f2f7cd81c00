"""One chunk of a campaign: its facts in one query, its intents in one statement, its results in
one more."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from domain.campaigns.records import RecipientStatus
from domain.enums import Category, Channel, ConsentType
from domain.facts import Reach, Usage
from domain.ports.campaigns import NOBODY, ChunkLine, LineResult, OpenBatch
from domain.preferences import Preferences
from domain.records.people import User
from storage.campaigns.steering import SqlCampaignSteering
from storage.encryption import KEY_JOIN, KeyRing
from storage.engine import Connection
from storage.rows import PREFERENCE_COLUMNS, preferences_of, qualified
from storage.users import USER_COLUMNS, user_of

_DEFAULTS: Final = Preferences(user_id=NOBODY)
_USER: Final = ", ".join(
    f"u.{name.strip()} as user_{name.strip()}" for name in USER_COLUMNS.split(",")
)
_LINES: Final = f"""
    select r.ordinal, r.channel, r.variant, r.failures, {_USER}, u.phone_country,
        u.deleted_at, {qualified(PREFERENCE_COLUMNS, "p")}, p.timezone as preferred_timezone,
        k.wrapped_key, k.master_key_id, sub.channels as subscription, sup.reason as suppressed,
        (select jsonb_object_agg(c.type, c.granted) from consents c where c.user_id = u.id)
            as consents,
        case when r.channel = 'push' then
            (select count(*) from user_devices d where d.user_id = u.id) else 0 end as devices
    from campaign_recipients r
    join campaigns m on m.id = r.campaign_id
    join users u on u.id = r.user_id
    left join user_notification_preferences p on p.user_id = u.id
    left join subscriptions sub on sub.user_id = u.id and sub.type = m.type
    left join suppressions sup on sup.channel = r.channel
        and (sup.expires_at is null or sup.expires_at > now())
        and sup.address_hash = case r.channel when 'email' then u.email_hash
            when 'sms' then u.phone_hash end
    {KEY_JOIN} u.id
    where r.campaign_id = $1 and r.status = 'pending'
"""
_WRITE: Final = """
    insert into campaign_batches (id, campaign_id, chunk, provider, ordinals, status, intent_at,
        day)
    select b.id, $1, $2, b.provider, array(select jsonb_array_elements_text(b.ordinals)::int),
        'open', $3, $5
    from jsonb_to_recordset($4) as b(id uuid, provider text, ordinals jsonb)
"""
_PENDING: Final = """
    select count(*) from campaign_recipients
    where campaign_id = $1 and ordinal = any($2::int[]) and status = 'pending'
        and notification_id is null
"""
_CLOSE: Final = """
    update campaign_batches set status = 'done', done_at = $2
    where id = any($1::uuid[]) and status = 'open' and not (in_doubt and id = any($3::uuid[]))
    returning day
"""
_SETTLE: Final = """
    with result as (
        select * from unnest($2::int[], $3::text[], $4::text[], $5::text[], $6::text[],
            $7::timestamptz[], $8::timestamptz[], $9::bool[], $10::uuid[])
            as r(ordinal, status, reason, provider, message_id, sent_at, due_at, failed_once,
                notification_id)
    ), message as (
        insert into campaign_messages (provider_message_id, campaign_id, ordinal)
        select message_id, $1, ordinal from result where message_id is not null
        on conflict do nothing
    )
    update campaign_recipients l
    set status = r.status, reason = r.reason, provider = coalesce(r.provider, l.provider),
        provider_message_id = r.message_id, sent_at = r.sent_at,
        due_at = coalesce(r.due_at, l.due_at), failures = l.failures + r.failed_once::int,
        notification_id = coalesce(r.notification_id, l.notification_id)
    from result r
    where l.campaign_id = $1 and l.ordinal = r.ordinal and l.status = 'pending'
"""
_USAGE: Final = """
    select user_id, notification_id, category, channel, at from frequency_usage
    where user_id = any($1::text[]) and at > $2
    union all
    select r.user_id, r.campaign_id, m.category, r.channel, r.sent_at
    from campaign_recipients r join campaigns m on m.id = r.campaign_id
    where r.user_id = any($1::text[]) and r.sent_at > $2 and r.status = 'sent'
        and r.notification_id is null and r.campaign_id <> $3
    order by at
"""


def _targets(channel: Channel, user: User, devices: int) -> int:
    """How many addresses or devices the channel has to send to."""
    if channel is Channel.EMAIL:
        return int(user.email is not None)
    if channel is Channel.SMS:
        return int(user.phone is not None)
    return devices if channel is Channel.PUSH else 1


class SqlCampaignChunks(SqlCampaignSteering):
    """A part of `CampaignRepository`: the work of a chunk."""

    _db: Connection
    _keys: KeyRing

    async def load_lines(
        self, campaign_id: UUID, low: int, high: int, now: datetime
    ) -> tuple[ChunkLine, ...]:
        rows = await self._db.fetch(
            f"{_LINES} and r.ordinal between $2 and $3 and r.notification_id is null"
            " and (r.due_at is null or r.due_at <= $4) order by r.ordinal",
            campaign_id,
            low,
            high,
            now,
        )
        return tuple(self._line(row) for row in rows)

    async def lines_of(self, campaign_id: UUID, ordinals: Sequence[int]) -> tuple[ChunkLine, ...]:
        rows = await self._db.fetch(
            f"{_LINES} and r.ordinal = any($2::int[]) order by r.ordinal",
            campaign_id,
            list(ordinals),
        )
        return tuple(self._line(row) for row in rows)

    def _line(self, row: Any) -> ChunkLine:
        channel = Channel(row["channel"])
        user = user_of(row, self._keys.passing(row["user_id"], row), "user_")
        targets = 0 if row["deleted_at"] else _targets(channel, user, row["devices"])
        subscription = row["subscription"]
        return ChunkLine(
            ordinal=row["ordinal"],
            channel=channel,
            user=user,
            preferences=preferences_of(user.id, row, row["preferred_timezone"])
            if row["frequency_settings"] is not None
            else _DEFAULTS,
            consents={ConsentType(k): v for k, v in (row["consents"] or {}).items()},
            subscription=None
            if subscription is None
            else frozenset(Channel(name) for name in subscription),
            reach={
                channel: Reach(
                    targets,
                    targets if row["suppressed"] else 0,
                    row["suppressed"],
                    row["phone_country"] or user.country,
                )
            },
            variant=row["variant"],
            failures=row["failures"],
        )

    async def usage(
        self, user_ids: Sequence[str], since: datetime, without: UUID
    ) -> Mapping[str, tuple[Usage, ...]]:
        rows = await self._db.fetch(_USAGE, list(user_ids), since, without)
        found: dict[str, list[Usage]] = {}
        for row in rows:
            found.setdefault(row["user_id"], []).append(
                Usage(
                    row["notification_id"],
                    Category(row["category"]),
                    Channel(row["channel"]),
                    row["at"],
                )
            )
        return {user_id: tuple(items) for user_id, items in found.items()}

    async def open_batches(self, campaign_id: UUID, chunk: int) -> tuple[OpenBatch, ...]:
        rows = await self._db.fetch(
            "select id, provider, ordinals, intent_at from campaign_batches where campaign_id = $1"
            " and chunk = $2 and status = 'open' order by id",
            campaign_id,
            chunk,
        )
        return tuple(
            OpenBatch(row["id"], row["provider"], tuple(row["ordinals"]), row["intent_at"])
            for row in rows
        )

    async def write_batches(
        self,
        campaign_id: UUID,
        chunk: int,
        batches: Sequence[OpenBatch],
        others: Sequence[int],
        at: datetime,
        day: int | None = None,
    ) -> bool:
        if await self.open_batches(campaign_id, chunk):
            return False
        ordinals = [*others, *(ordinal for batch in batches for ordinal in batch.ordinals)]
        if await self._db.fetchval(_PENDING, campaign_id, ordinals) != len(ordinals):
            return False
        payload = [
            {"id": str(b.id), "provider": b.provider, "ordinals": list(b.ordinals)} for b in batches
        ]
        await self._db.execute(_WRITE, campaign_id, chunk, at, payload, day)
        return True

    async def settle(
        self,
        campaign_id: UUID,
        results: Sequence[LineResult],
        *,
        batches: Sequence[UUID] = (),
        anew: Sequence[UUID] = (),
        at: datetime,
    ) -> bool:
        if batches:
            closed = await self._db.fetch(_CLOSE, list(batches), at, list(anew))
            if len(closed) != len(batches):
                return False
            await self._give_back(campaign_id, closed[0]["day"], results)
        if results:
            await self._db.execute(
                _SETTLE,
                campaign_id,
                [r.ordinal for r in results],
                [r.status for r in results],
                [r.reason for r in results],
                [r.provider for r in results],
                [r.provider_message_id for r in results],
                [r.sent_at for r in results],
                [r.due_at for r in results],
                [r.failed_once for r in results],
                [r.notification_id for r in results],
            )
        return True

    async def _give_back(
        self, campaign_id: UUID, day: int | None, results: Sequence[LineResult]
    ) -> None:
        """What did not leave, to the day whose share it took: one for all calls of a wave."""
        unsent = [r for r in results if r.status is not RecipientStatus.SENT]
        stayed = len([r for r in unsent if r.reason != "outcome_unknown"])
        if day is not None and stayed:
            await self._add_to_day(campaign_id, day, -stayed)

    async def doubt(self, batch_id: UUID) -> bool:
        done: str = await self._db.execute(
            "update campaign_batches set in_doubt = true where id = $1 and status = 'open'",
            batch_id,
        )
        return done == "UPDATE 1"

    async def next_due(
        self, campaign_id: UUID, low: int, high: int, now: datetime
    ) -> datetime | None:
        found: datetime | None = await self._db.fetchval(
            "select min(coalesce(due_at, $4)) from campaign_recipients"
            " where campaign_id = $1 and ordinal between $2 and $3 and status = 'pending'"
            " and notification_id is null",
            campaign_id,
            low,
            high,
            now,
        )
        return found

    async def in_flight(self, campaign_id: UUID, since: datetime | None = None) -> int:
        found: int = await self._db.fetchval(
            "select coalesce(sum(cardinality(ordinals)), 0)::int from campaign_batches"
            " where campaign_id = $1 and status = 'open'"
            " and ($2::timestamptz is null or intent_at > $2)",
            campaign_id,
            since,
        )
        return found
