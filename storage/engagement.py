"""What people did with their messages. A row's id is made of what it says, so that the same thing
told twice is one row."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final
from urllib.parse import urlsplit
from uuid import UUID, uuid5

from domain.ports.callbacks import EngagementRecord
from storage.engine import Connection

_ADD_READS: Final = """
    insert into user_engagement_events (user_id, notification_id, campaign_id, event_type, channel,
        metadata, created_at)
    select n.user_id, n.id, r.campaign_id, 'read', d.channel,
        jsonb_build_object('deliveryId', d.id), greatest($3, n.created_at)
    from unnest($1::uuid[], $2::uuid[]) as r(id, campaign_id)
    join notifications n on n.id = r.id
    join notification_deliveries d on d.notification_id = n.id and d.channel = 'websocket'
"""


class SqlEngagement:
    def __init__(self, connection: Connection) -> None:
        self._db = connection

    async def add(self, record: EngagementRecord) -> bool:
        facts = {"deliveryId": str(record.delivery_id)}
        if record.url is not None:
            facts["url"] = bare_url(record.url)
        added = await self._db.fetchval(
            "insert into user_engagement_events (id, user_id, notification_id, event_type,"
            " channel, metadata, created_at, campaign_id) values ($1, $2, $3, $4, $5, $6, $7, $8)"
            " on conflict (id, created_at) do nothing returning 1",
            _identity(record),
            record.user_id,
            record.notification_id,
            record.kind,
            record.channel,
            facts,
            record.at,
            record.campaign_id,
        )
        return bool(added)

    async def add_reads(self, reads: Sequence[tuple[UUID, UUID | None]], at: datetime) -> None:
        await self._db.execute(
            _ADD_READS, [one for one, _ in reads], [campaign for _, campaign in reads], at
        )


def bare_url(url: str) -> str:
    """A link without what can name or sign in a person: user, query and fragment; of one that is
    no web link (an address, a number) only its kind."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return ""
    host = parts.netloc.rpartition("@")[2]
    return f"{parts.scheme}://{host}{parts.path}" if host else f"{parts.scheme}:"


def _identity(record: EngagementRecord) -> UUID:
    said_at = record.said_at or record.at
    said = f"{record.kind}\x1f{said_at.timestamp()!r}\x1f{record.url or ''}"
    return uuid5(record.delivery_id, said)
