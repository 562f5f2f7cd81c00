"""Every identifier Herald builds, in one place: row ids, workflow ids, queues, cache keys."""

import hashlib
import hmac
from datetime import datetime
from typing import Final
from uuid import UUID

from uuid_utils import compat

from domain.enums import Channel

NOTIFICATIONS_QUEUE: Final = "notifications"
MAINTENANCE_QUEUE: Final = "maintenance"
DELIVERY_QUEUES: Final = {
    Channel.EMAIL: "email-delivery",
    Channel.SMS: "sms-delivery",
    Channel.PUSH: "push-delivery",
    Channel.WEBSOCKET: "inbox-delivery",
}
BULK_QUEUE: Final = "bulk"
CAMPAIGNS_QUEUE: Final = "campaigns"
ALL_QUEUES: Final = (
    NOTIFICATIONS_QUEUE,
    *DELIVERY_QUEUES.values(),
    CAMPAIGNS_QUEUE,
    BULK_QUEUE,
    MAINTENANCE_QUEUE,
)
LONGEST_KEY: Final = 500
"""Bytes; the server takes ids of up to 1,000."""
INBOX_BROADCAST: Final = "inbox-broadcast"
"""The topic of what goes to everybody; no user's topic is called so."""


def new_id() -> UUID:
    """A UUIDv7: unique, and ordered by the time it was made."""
    return compat.uuid7()


def notification_workflow_id(notification_id: UUID, redrive: int = 0) -> str:
    """`notification/{id}`; a redrive is a workflow of its own beside the first."""
    base = f"notification/{notification_id}"
    return f"{base}/redrive-{redrive}" if redrive else base


def bulk_workflow_id(batch_id: UUID) -> str:
    """`bulk/{id}`."""
    return f"bulk/{batch_id}"


def ab_test_workflow_id(test_id: UUID) -> str:
    return f"ab-test/{test_id}"


def derived_id(at: datetime, *parts: str) -> UUID:
    """A UUIDv7 that is the same for the same instant and parts, so that making it twice is seen."""
    tail = hashlib.sha256("\x1f".join(parts).encode()).digest()[:10]
    stamp = int(at.timestamp() * 1000).to_bytes(6, "big")
    raw = bytearray(stamp + tail)
    raw[6] = (raw[6] & 0x0F) | 0x70
    raw[8] = (raw[8] & 0x3F) | 0x80
    return UUID(bytes=bytes(raw))


def digest_workflow_id(user_id: str, digest_key: str) -> str:
    """`digest/{user}/{key}`; a key that is too long for it by its hash."""
    long = len(digest_key.encode()) > LONGEST_KEY
    key = hashlib.sha256(digest_key.encode()).hexdigest() if long else digest_key
    return f"digest/{user_id}/{key}"


def keyed_hash(key: bytes, *parts: str) -> str:
    """HMAC-SHA256 over the parts, as hex: a lookup value that says nothing without the key."""
    return hmac.new(key, "\x1f".join(parts).encode(), hashlib.sha256).hexdigest()


def preferences_cache_key(user_id: str) -> str:
    return f"user:{user_id}:preferences"


def inbox_topic(user_id: str) -> str:
    return f"inbox:{user_id}"
