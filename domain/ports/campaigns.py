"""Campaigns as the services see them stored: the resource, its accounts, and one chunk's work."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Protocol
from uuid import UUID

from domain.campaigns.ids import LineRef
from domain.campaigns.records import (
    Campaign,
    CampaignCounts,
    CampaignStatus,
    Recipient,
    RecipientStatus,
)
from domain.campaigns.story import LineStory
from domain.enums import Channel, ConsentType
from domain.facts import Reach, Usage
from domain.paging import Page, PageRequest
from domain.preferences import Preferences
from domain.records.people import User

NOBODY: Final = "nobody"
"""Whose preferences those are of a recipient who never chose anything."""


@dataclass(frozen=True, slots=True)
class ZoneCount:
    """A zone recipients live in, as they or their profile say; None where nobody said."""

    zone: str | None
    users: int


@dataclass(frozen=True, slots=True)
class Bucket:
    """Recipients with the ordinals [low, high], all due at one instant (None: at once)."""

    due_at: datetime | None
    low: int
    high: int
    tested: bool
    """In the test: these go first, the others when there is a winner."""


@dataclass(frozen=True, slots=True)
class ChunkLine:
    """One pending recipient with all that decides, and the address."""

    ordinal: int
    channel: Channel
    user: User
    preferences: Preferences
    consents: Mapping[ConsentType, bool]
    subscription: frozenset[Channel] | None
    reach: Mapping[Channel, Reach]
    variant: int | None
    failures: int


@dataclass(frozen=True, slots=True)
class OpenBatch:
    """A provider call whose intent is written and whose result is not."""

    id: UUID
    provider: str
    ordinals: tuple[int, ...]
    intent_at: datetime | None = None
    """None until it is written."""


@dataclass(frozen=True, slots=True)
class LineResult:
    """How one recipient's message ended, or when it is tried again (`pending`)."""

    ordinal: int
    status: RecipientStatus
    reason: str | None = None
    provider: str | None = None
    provider_message_id: str | None = None
    sent_at: datetime | None = None
    due_at: datetime | None = None
    failed_once: bool = False
    """Counts as one more refusal that may be tried again."""
    notification_id: UUID | None = None
    """A notification of its own carries it on."""


@dataclass(frozen=True, slots=True)
class RecipientRef:
    line: LineRef
    user_id: str
    since: datetime
    """When the campaign was made: nothing is heard of it before."""


class CampaignRepository(Protocol):
    async def insert(self, campaign: Campaign) -> bool:
        """False when this occurrence of a recurring campaign is there already."""

    async def get(self, campaign_id: UUID) -> Campaign | None: ...

    async def lock(self, campaign_id: UUID) -> Campaign | None:
        """The row, to be changed by nobody else until the transaction ends. Waits for those who
        hold it, and goes before whoever asks to hold it later."""

    async def hold(self, campaign_id: UUID) -> Campaign | None:
        """The row, kept from changing until the transaction ends; any number may hold it. An
        intent is written while holding it, so that whoever has locked it since finds all."""

    async def save(self, campaign: Campaign) -> None: ...

    async def delete(self, campaign_id: UUID) -> None:
        """Of a draft, which has no recipients."""

    async def list(self, page: PageRequest, status: CampaignStatus | None) -> Page[Campaign]: ...

    async def claim_untold(
        self, *, older_than: datetime, again_before: datetime, limit: int
    ) -> tuple[Campaign, ...]:
        """Changed before `older_than` and not told to Temporal since; marks them claimed."""

    async def mark_told(self, campaign_id: UUID, updated_at: datetime) -> None:
        """Temporal knows how it stood at `updated_at`; a later change is still to be told."""

    async def untell(self, campaign_id: UUID) -> None:
        """Temporal is to look at it again."""

    # The audience.

    async def zones(self, campaign: Campaign) -> tuple[ZoneCount, ...]:
        """Where the audience lives, for sends by local time."""

    async def lock_freeze(self, campaign_id: UUID) -> None:
        """Keeps a second one out until the transaction ends, and nobody else."""

    async def freeze(
        self, campaign: Campaign, due: Mapping[str | None, datetime], at: datetime | None
    ) -> int:
        """Writes the recipients, ordinals from 0 in the order of their instants, the test's
        first. `due`: zone → instant; all others are due `at`. Returns how many."""

    async def buckets(self, campaign_id: UUID) -> tuple[Bucket, ...]: ...

    # The work of one chunk.

    async def lock_chunk(self, campaign_id: UUID, chunk: int) -> None:
        """Keeps a second attempt at this chunk out until the transaction ends."""

    async def take_share(
        self, campaign_id: UUID, day: int, began: datetime, most: int, wanted: int
    ) -> int:
        """How many of the messages `wanted` the `most` of this day still hold; they count as gone
        from now on. One asks at a time, until its transaction ends. `settle` gives back what did
        not leave."""

    async def load_lines(
        self, campaign_id: UUID, low: int, high: int, now: datetime
    ) -> tuple[ChunkLine, ...]:
        """What is pending and due, and no notification's of its own."""

    async def lines_of(
        self, campaign_id: UUID, ordinals: Sequence[int]
    ) -> tuple[ChunkLine, ...]: ...

    async def usage(
        self, user_ids: Sequence[str], since: datetime, without: UUID
    ) -> Mapping[str, tuple[Usage, ...]]: ...

    async def open_batches(self, campaign_id: UUID, chunk: int) -> tuple[OpenBatch, ...]: ...

    async def write_batches(
        self,
        campaign_id: UUID,
        chunk: int,
        batches: Sequence[OpenBatch],
        others: Sequence[int],
        at: datetime,
        day: int | None = None,
    ) -> bool:
        """The intents; `day`: of whose share they are. False, and nothing written, when the chunk
        has open batches, or a line of these or of the `others` that are to be handed on is not
        pending any more."""

    async def settle(
        self,
        campaign_id: UUID,
        results: Sequence[LineResult],
        *,
        batches: Sequence[UUID] = (),
        anew: Sequence[UUID] = (),
        at: datetime,
    ) -> bool:
        """Writes how lines ended and closes the batches; only pending lines move. `anew`: those of
        the batches with lines to be tried under another key. False, and nothing to be kept, when
        a batch was closed by somebody else, or one of these is in doubt."""

    async def doubt(self, batch_id: UUID) -> bool:
        """Before an open batch is called again: from now on only an answer closes it. False when
        it is not open."""

    async def next_due(
        self, campaign_id: UUID, low: int, high: int, now: datetime
    ) -> datetime | None:
        """When the first of the pending lines there is due, `now` for one that waits for nothing;
        None when none is pending."""

    async def in_flight(self, campaign_id: UUID, since: datetime | None = None) -> int:
        """Recipients in open batches, of those written `since` then."""

    async def wake_held(self, campaign_id: UUID, at: datetime) -> None:
        """Tells the notifications its pause held to look again."""

    # The end of a cancelled one.

    async def give_up_batches(self, campaign_id: UUID, at: datetime) -> int:
        """Ends open batches as failed with reason `outcome_unknown`."""

    async def close_range(self, campaign_id: UUID, low: int, high: int, at: datetime) -> None:
        """Of the recipients with ordinals [low, high], skips what is pending and not in an open
        batch, and cancels the notifications that were not tried yet."""

    async def open_notifications(self, campaign_id: UUID) -> tuple[UUID, ...]: ...

    # The accounts.

    async def counts(self, campaign: Campaign) -> CampaignCounts: ...

    async def recipients(
        self,
        campaign: Campaign,
        page: PageRequest,
        *,
        status: RecipientStatus | None,
        reason: str | None,
    ) -> Page[Recipient]: ...

    async def next_to_forget(self, before: datetime) -> UUID | None:
        """A campaign that was over before then and whose lines were not all deleted."""

    async def sum_up(self, campaign_id: UUID, counts: CampaignCounts, at: datetime) -> None:
        """Keeps the accounts, which `counts` answers from then on; the first time."""

    async def forget_range(self, campaign_id: UUID, low: int, high: int) -> int:
        """Deletes the lines with ordinals [low, high], their message ids and their calls, once they
        were summed up. Returns how many lines."""

    async def mark_emptied(self, campaign_id: UUID, at: datetime) -> None:
        """Its lines are gone, and its days with them."""

    async def keeps_recipients(self, campaign: Campaign) -> bool:
        """False from when it was summed up. To be asked after reading lines, never before."""

    async def stories(self, campaign: Campaign, user_id: str) -> tuple[LineStory, ...]:
        """A user's lines, one for each channel, with all that is known of them."""

    async def refused_in_a_row(self, campaign_id: UUID, since: datetime) -> int:
        """Recipients that were refused for good in calls intended `since` then, and after the
        last call of which anything was taken; counted up to some hundreds."""

    async def recipient_of(self, provider_message_id: str) -> RecipientRef | None:
        """Whose message a vendor's id is; None when it is no campaign's."""

    async def recipient_at(self, line: LineRef) -> RecipientRef | None: ...

    async def receive(self, line: LineRef, outcome: str, at: datetime) -> None:
        """A vendor's later word on an email, unless a weightier one is known: `delivered`, then
        `failed`, `bounced`, `complained`."""

    async def put_outcome(self, line: LineRef, outcome: str | None, at: datetime) -> None:
        """What became of a message that a notification carries on, in place of what was known."""

    async def engaged(self, lines: Sequence[LineRef], kinds: Sequence[str], at: datetime) -> None:
        """Notes the first `opened`, `clicked` or `unsubscribed` of each."""
