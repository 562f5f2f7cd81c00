"""Every identifier Herald builds, in one place: row ids, workflow ids, queues, cache keys."""

import hashlib
import hmac
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
CAMPAIGNS_QUEUE: Final = "campaigns"
ALL_QUEUES: Final = (
    NOTIFICATIONS_QUEUE,
    *DELIVERY_QUEUES.values(),
    CAMPAIGNS_QUEUE,
    MAINTENANCE_QUEUE,
)
INBOX_BROADCAST: Final = "inbox-broadcast"
"""The topic of what goes to everybody; no user's topic is called so."""


def new_id() -> UUID:
    """A UUIDv7: unique, and ordered by the time it was made."""
    return compat.uuid7()


def notification_workflow_id(notification_id: UUID, redrive: int = 0) -> str:
    """`notification/{id}`; a redrive is a workflow of its own beside the first."""
    base = f"notification/{notification_id}"
    return f"{base}/redrive-{redrive}" if redrive else base


def ab_test_workflow_id(test_id: UUID) -> str:
    return f"ab-test/{test_id}"


def keyed_hash(key: bytes, *parts: str) -> str:
    """HMAC-SHA256 over the parts, as hex: a lookup value that says nothing without the key."""
    return hmac.new(key, "\x1f".join(parts).encode(), hashlib.sha256).hexdigest()


def preferences_cache_key(user_id: str) -> str:
    return f"user:{user_id}:preferences"


def inbox_topic(user_id: str) -> str:
    return f"inbox:{user_id}"
