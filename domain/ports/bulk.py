"""Batches in the database: whose a notification is, and reading and writing many at once.

A notification that was accepted with a batch is *the batch's* until it is planned: no relay starts
a workflow for it. Whoever saves its first plan has it from then on, the batch or, once it was
released, a workflow of its own; the save is a compare-and-set, so never both.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol
from uuid import UUID

from domain.content import Content
from domain.enums import Channel, NotificationStatus
from domain.facts import Usage
from domain.ports.deliveries import DeliveryJob, Intent
from domain.ports.messages import EmailRecord
from domain.ports.planning import PlanDraft, PlanningSnapshot
from domain.ports.storage import Transaction
from domain.records.notifications import Delivery, Notification


class BulkRepository(Protocol):
    async def accept(
        self, batch_id: UUID, items: Sequence[tuple[Notification, Content]], at: datetime
    ) -> frozenset[UUID]:
        """Stores the notifications of users who exist as the batch's, and the batch with them in
        this order. Returns the ids of the others, of which nothing is stored."""

    async def chunk(self, batch_id: UUID, first: int, size: int) -> tuple[UUID, ...]:
        """The notifications at these places, counted from 0; none of a batch that has ended."""

    async def claim_unstarted(
        self, *, older_than: datetime, again_before: datetime, limit: int
    ) -> tuple[tuple[UUID, int], ...]:
        """(id, size) of batches made before `older_than` and not claimed since `again_before`;
        marks them claimed. SKIP LOCKED: any number of relays."""

    async def mark_started(self, batch_ids: Sequence[UUID]) -> None:
        """Temporal has taken these: they are not told again for a while."""

    async def release(
        self, notification_ids: Sequence[UUID], claimed_at: datetime
    ) -> tuple[UUID, ...]:
        """Makes these, as far as they are still the batch's, their own workflows' to be. A relay
        takes them up as if it had been told of them at `claimed_at`. Returns which it were."""

    async def cancel(self, statuses: Mapping[UUID, NotificationStatus], at: datetime) -> None:
        """Marks locked notifications as cancelled, with their status from now on; closes their
        open lines, which count against no limit any more."""

    async def mark_read(
        self, notification_ids: Sequence[UUID], user_id: str | None, at: datetime
    ) -> tuple[Notification, ...]:
        """Those that were in an inbox, the user's if one is given, and unread until now."""

    async def end(self, batch_id: UUID) -> None:
        """Forgets the batch."""

    async def tally(self, notification_ids: Sequence[UUID]) -> Mapping[NotificationStatus, int]: ...


class BulkPlanningRepository(Protocol):
    async def load(self, notification_ids: Sequence[UUID]) -> tuple[PlanningSnapshot, ...]:
        """Those of these that are still the batch's."""

    async def claim_contents(
        self, notifications: Sequence[Notification], window: timedelta
    ) -> Mapping[UUID, UUID]:
        """As `PlanningRepository.claim_content`, for many of which no two have the same user and
        content: notification → holder, for those that have another one."""

    async def lock_usage(self, user_ids: Collection[str]) -> None:
        """Serialises plans of these users, always in the same order."""

    async def usage(self, user_ids: Collection[str], since: datetime) -> Mapping[str, list[Usage]]:
        """By user, oldest first."""

    async def reserve_usage(self, usage: Sequence[tuple[str, Usage]]) -> None:
        """(user, what is counted); a second time does nothing."""

    async def save(self, drafts: Sequence[PlanDraft]) -> frozenset[UUID]:
        """Writes the plans of notifications that are still the batch's and did not change since
        they were loaded. Returns which."""


@dataclass(frozen=True, slots=True)
class BatchIntent:
    """A ledger line about to be given to a provider, by a call that `key` names."""

    delivery_id: UUID
    provider: str
    key: UUID


@dataclass(frozen=True, slots=True)
class Standing:
    """A notification's state as its ledger lines have it."""

    notification_id: UUID
    status: NotificationStatus
    reason: str | None
    until: datetime | None


class BulkDeliveryRepository(Protocol):
    async def load_jobs(self, channels: Mapping[UUID, Channel]) -> Mapping[UUID, DeliveryJob]:
        """Each notification's job on its channel. What was erased is left out."""

    async def in_doubt(self, notification_ids: Sequence[UUID]) -> tuple[Delivery, ...]:
        """Lines of the batch's own intents without a result, by key and id."""

    async def write_intents(
        self, intents: Sequence[BatchIntent], at: datetime
    ) -> tuple[Intent, ...]:
        """As `DeliveryRepository.write_intent`, for notifications whose plans were saved in this
        transaction, or whose lines are in doubt."""

    async def lock(self, notification_ids: Sequence[UUID]) -> Mapping[UUID, Notification]: ...

    async def lines_of(
        self, notification_ids: Sequence[UUID]
    ) -> Mapping[UUID, tuple[Delivery, ...]]: ...

    async def settle(self, standings: Sequence[Standing]) -> None: ...

    async def return_unsent(self, claims: Mapping[UUID, datetime | None]) -> None:
        """Nothing of these is with a provider, so each is to be planned again: by its batch, or,
        with an instant, by a workflow of its own as `release` has it. A cancelled one stays."""

    async def keep_emails(self, emails: Sequence[tuple[str, UUID, EmailRecord]]) -> None:
        """(user, notification, email)."""

    async def kept_emails(self, notification_ids: Sequence[UUID]) -> Mapping[UUID, EmailRecord]:
        """What was kept and can still be read."""


class BulkTransaction(Transaction, Protocol):
    """A transaction with the repositories of batches."""

    @property
    def bulk(self) -> BulkRepository: ...
    @property
    def bulk_planning(self) -> BulkPlanningRepository: ...
    @property
    def bulk_deliveries(self) -> BulkDeliveryRepository: ...


BulkUnitOfWork = Callable[[], AbstractAsyncContextManager[BulkTransaction]]
