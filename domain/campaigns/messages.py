"""What crosses between the campaign workflows and their activities: ids, ranges and counts."""

from enum import StrEnum
from uuid import UUID

from pydantic import AwareDatetime

from domain.campaigns.records import CampaignStatus
from domain.messages import Message


class CampaignSignal(StrEnum):
    """The names of CampaignWorkflow's signals. Each says only: read the database again."""

    CHANGED = "changed"


class CampaignInput(Message):
    campaign_id: UUID
    recurring: bool = False
    """A schedule started this: `campaign_id` is the recurring one, and an occurrence is made."""
    recipients: int = 0
    counts: "ChunkCounts | None" = None
    """After continuing as new: all was sent, to `recipients`, and only the end is waited for."""
    looks_per_run: int = 150
    """Looks at what nothing is heard of, after which it goes on as a new run."""


class CampaignState(Message):
    """Where a campaign stands, for its workflow."""

    campaign_id: UUID
    status: CampaignStatus
    name: str
    starts_at: AwareDatetime | None = None
    decided: bool = True
    """False while the winner of its test is awaited."""
    winner_by_hand: bool = False
    decide_after_seconds: float = 0


class OpenInput(Message):
    campaign_id: UUID
    now: AwareDatetime
    occurs_at: AwareDatetime | None = None
    """Of a recurring campaign: the instant the schedule meant."""


class FreezeInput(Message):
    campaign_id: UUID
    now: AwareDatetime


class Partition(Message):
    """Recipients with ordinals [low, high], due at one instant."""

    low: int
    high: int
    due_at: AwareDatetime | None = None
    tested: bool = False


class Frozen(Message):
    recipients: int
    partitions: tuple[Partition, ...] = ()


class PartitionInput(Message):
    campaign_id: UUID
    low: int
    high: int
    chunk: int = 500
    """Recipients of one activity; said since, and 500 before."""
    per_run: int = 400
    """Chunks after which it goes on as a new run, so that its history stays short."""
    again: tuple["Again", ...] | None = None
    """After continuing as new: the chunks left, instead of the whole range."""
    counts: "ChunkCounts | None" = None


class ChunkInput(Message):
    campaign_id: UUID
    low: int
    high: int
    now: AwareDatetime


class ChunkState(StrEnum):
    DONE = "done"
    """Nothing of it is due any more."""
    HELD = "held"
    """The campaign, its channel or its provider is paused."""
    STOPPED = "stopped"
    """The campaign is over."""


class ChunkCounts(Message):
    """What was done, for a progress line; the accounts are the database's."""

    sent: int = 0
    skipped: int = 0
    failed: int = 0

    def plus(self, other: "ChunkCounts") -> "ChunkCounts":
        return ChunkCounts(
            sent=self.sent + other.sent,
            skipped=self.skipped + other.skipped,
            failed=self.failed + other.failed,
        )


class ChunkResult(Message):
    state: ChunkState
    counts: ChunkCounts = ChunkCounts()
    due_at: AwareDatetime | None = None
    """When what is left of it is due."""


class Again(Message):
    """A chunk that is to be worked on, at once or at an instant."""

    low: int
    high: int
    due_at: AwareDatetime | None = None


class FinishCampaignInput(Message):
    campaign_id: UUID
    now: AwareDatetime


CampaignInput.model_rebuild()
PartitionInput.model_rebuild()
