"""What people did with their messages. A row's id is made of what it says, so that the same thing
told twice is one row."""

from urllib.parse import urlsplit
from uuid import UUID, uuid5

from domain.ports.callbacks import EngagementRecord
from storage.engine import Connection


class SqlEngagement:
    def __init__(self, connection: Connection) -> None:
        self._db = connection

    async def add(self, record: EngagementRecord) -> bool:
        facts = {"deliveryId": str(record.delivery_id)}
        if record.url is not None:
            facts["url"] = bare_url(record.url)
        added = await self._db.fetchval(
            "insert into user_engagement_events (id, user_id, notification_id, event_type,"
            " channel, metadata, created_at) values ($1, $2, $3, $4, $5, $6, $7)"
            " on conflict (id, created_at) do nothing returning 1",
            _identity(record),
            record.user_id,
            record.notification_id,
            record.kind,
            record.channel,
            facts,
            record.at,
        )
        return bool(added)


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
