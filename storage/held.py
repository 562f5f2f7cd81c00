"""Deliveries held by a pause, and how they leave when it is over: the most urgent first."""

from datetime import datetime
from typing import Final
from uuid import UUID

from storage.engine import Connection

_RANK: Final = "array_position(array['critical', 'high', 'medium', 'low'], n.priority)"
# What is released keeps its reason until it is planned, and waits for nothing any more. A lesser
# priority of the channel is not released before that, unless it takes unreasonably long.
_RELEASE: Final = f"""
    with parts as (
        select d.id, d.notification_id, d.channel, d.until, d.updated_at, n.redrives,
            n.created_at, {_RANK} as rank,
            case d.reason when 'channel_paused' then 'channel:' || d.channel
                else 'provider:' || d.provider_id end as part
        from notification_deliveries d join notifications n on n.id = d.notification_id
        where d.status = 'deferred' and d.reason in ('channel_paused', 'provider_paused')
    ), ahead as (
        select channel, min(rank) as rank from parts
        where until <= now() and updated_at > now() - interval '30 seconds' group by channel
    ), free as (
        select p.* from parts p join notification_deliveries d on d.id = p.id
        where d.status = 'deferred' and (p.until is null or p.until > now())
          and not exists (select 1 from paused_parts q where q.name = p.part and not q.divert)
          and not exists (select 1 from ahead a where a.channel = p.channel and a.rank < p.rank)
        order by p.rank, p.created_at, p.id limit $1 for update of d skip locked
    ), released as (
        update notification_deliveries d set until = least($2::timestamptz, now()),
            updated_at = now()
        from free where d.id = free.id and free.rank = (select min(rank) from free)
        returning d.id
    )
    select notification_id as id, redrives from free join released using (id)
    group by notification_id, redrives, created_at order by created_at
"""


async def release_held(db: Connection, limit: int, at: datetime) -> tuple[tuple[UUID, int], ...]:
    """See `DeliveryRepository.release_held`."""
    # One at a time: two would each release what comes next at that moment.
    lock = "select pg_try_advisory_xact_lock(hashtextextended('release_held', 14))"
    if not await db.fetchval(lock):
        return ()
    rows = await db.fetch(_RELEASE, limit, at)
    return tuple((row["id"], row["redrives"]) for row in rows)
