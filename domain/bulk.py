"""What crosses between a batch's workflow and its activities: places in the batch, and counts."""

from datetime import datetime
from typing import Final
from uuid import UUID

from domain.messages import Message

CHUNK_SIZE: Final = 200
"""Notifications that are planned and delivered together."""


class BulkInput(Message):
    batch_id: UUID
    size: int
    """How many notifications it holds."""


class BulkChunkInput(Message):
    """The notifications at `first` and the following places of a batch, at most `size`."""

    batch_id: UUID
    first: int
    size: int
    now: datetime
    """The workflow's own clock, so that skipped time is seen by every rule."""


class BulkEndInput(Message):
    batch_id: UUID


class BulkTally(Message):
    """What became of notifications, as far as their batch is concerned."""

    sent: int = 0
    failed: int = 0
    skipped: int = 0
    """Expired and digested ones too."""
    cancelled: int = 0
    handed_over: int = 0
    """Waiting, retried or on several channels, each by a workflow of its own."""

    def __add__(self, other: "BulkTally") -> "BulkTally":
        return BulkTally(
            sent=self.sent + other.sent,
            failed=self.failed + other.failed,
            skipped=self.skipped + other.skipped,
            cancelled=self.cancelled + other.cancelled,
            handed_over=self.handed_over + other.handed_over,
        )
