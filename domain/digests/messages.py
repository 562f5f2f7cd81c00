"""What crosses between a digest's workflow and its activities: ids and instants, no words."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from domain.messages import Message


class DigestSignal(StrEnum):
    """The names of DigestWorkflow's signals."""

    ITEM_ADDED = "item_added"
    FLUSH = "flush"


class HandOverInput(Message):
    """Tell the digest's workflow of this notification, which waits in it."""

    notification_id: UUID


class DigestInput(Message):
    """One user's digest under one key."""

    user_id: str
    digest_key: str
    ends_at: datetime | None
    """The end of the earliest window with items in it."""


class ItemAdded(Message):
    ends_at: datetime


class FlushDigestInput(Message):
    user_id: str
    digest_key: str
    at: datetime
    """The workflow's own clock."""
    window: datetime
    """The end of the window; with user, key and `flush` it gives the digest its id."""
    flush: str
    """Which flush of which run this is: the same when it is tried again, though the clock has
    moved on."""
    everything: bool = False
    """Also what is not due yet."""


class FlushDigestResult(Message):
    digest_id: UUID | None
    """None: nothing was due, so nothing was made."""
    items: int
    next_ends_at: datetime | None
    """When to look again; None when nothing waits."""


class DigestState(Message):
    """The answer to the query `state`."""

    ends_at: datetime | None
    digests: int
    last_digest_id: UUID | None
