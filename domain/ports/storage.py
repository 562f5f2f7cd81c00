"""The database as the services see it: one unit of work is one transaction.

`async with uow() as tx:` commits when the block ends and rolls back when it raises. Repositories
speak records; encryption, hashing and SQL are theirs. Every write that another process could
race is a compare-and-set whose answer says whether it took place.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Protocol
from uuid import UUID

from domain.content import Content
from domain.enums import Channel, ConsentType, DeliveryStatus, NotificationStatus, PlanTrigger
from domain.facts import Reach, Usage
from domain.paging import Page, PageRequest
from domain.plan_types import Plan
from domain.ports.ab_tests import ABTestRepository
from domain.ports.announcements import AnnouncementRepository, AudienceMembership
from domain.ports.audience import AudienceListRepository, AudienceRepository
from domain.ports.callbacks import CallbackRepository, EngagementRepository
from domain.ports.campaigns import CampaignRepository
from domain.ports.deliveries import DeliveryRepository
from domain.ports.messages import MessageRepository
from domain.ports.sms import NumberUsageRepository, ReportRepository
from domain.preferences import Preferences
from domain.records import (
    ApiKey,
    AuditEntry,
    Consent,
    DeadLetter,
    Delivery,
    Device,
    Event,
    InboxChange,
    InboxItem,
    Notification,
    NotificationType,
    NotificationView,
    PausedPart,
    PendingSignal,
    PlanRecord,
    Subscription,
    Suppression,
    TemplateSummary,
    TemplateVersion,
    User,
)


@dataclass(frozen=True, slots=True)
class NotificationFilter:
    user_id: str | None = None
    type: str | None = None
    status: NotificationStatus | None = None
    channel: Channel | None = None
    created_after: datetime | None = None
    created_before: datetime | None = None


class NotificationRepository(Protocol):
    async def insert(self, items: Sequence[tuple[Notification, Content]]) -> None:
        """Stores rows, content encrypted with each user's key. All users must exist:
        raises `Invalid("unknown_user")` naming the first that does not."""

    async def get(self, notification_id: UUID) -> NotificationView | None: ...

    async def lock(self, notification_id: UUID) -> Notification | None:
        """The row, locked until the transaction ends: intent, cancel, amend and record
        serialise on it."""

    async def amend(self, notification: Notification, content: Content) -> None:
        """Overwrites what may be amended, and bumps `revision`. Call with the row locked."""

    async def set_status(
        self,
        notification_id: UUID,
        status: NotificationStatus,
        *,
        reason: str | None,
        until: datetime | None = None,
    ) -> None: ...

    async def request_cancel(self, notification_id: UUID, at: datetime) -> None: ...

    async def set_send_now(self, notification_id: UUID) -> None: ...

    async def reset_for_redrive(self, notification_id: UUID) -> int:
        """Status `accepted` again, `redrives` + 1 (returned), intent and cancel marks cleared."""

    async def list(
        self, where: NotificationFilter, page: PageRequest
    ) -> Page[NotificationView]: ...

    async def upcoming(self, user_id: str, page: PageRequest) -> Page[NotificationView]:
        """Open notifications of a user that wait for an instant, soonest first."""

    async def plans(self, notification_id: UUID) -> tuple[PlanRecord, ...]: ...

    async def claim_unstarted(
        self, *, older_than: datetime, again_before: datetime, limit: int
    ) -> tuple[tuple[UUID, int], ...]:
        """Ids and redrive counts of rows still `accepted` since before `older_than` and not
        claimed since `again_before`; marks them claimed. SKIP LOCKED: any number of relays."""

    async def mark_started(self, ids: Sequence[UUID]) -> None:
        """Temporal has taken these: the relay need not look at them for a while."""

    async def delete(self, ids: Sequence[UUID]) -> int:
        """Takes notifications out of their users' inboxes and lists. Returns how many."""


@dataclass(frozen=True, slots=True)
class PlanningSnapshot:
    """All a plan needs, read in one go."""

    notification: Notification
    deliveries: tuple[Delivery, ...]
    type: NotificationType
    preferences: Preferences
    user_timezone: str | None
    user_country: str | None
    consents: Mapping[ConsentType, bool]
    subscription: frozenset[Channel] | None
    reach: Mapping[Channel, Reach]
    phone_hash: str | None
    """What SMS to the user's number are counted by."""
    device_ids: tuple[UUID, ...]
    paused: frozenset[str]
    """What operators hold back: `channel:sms`, `provider:twilio`."""


@dataclass(frozen=True, slots=True)
class PlannedDelivery:
    """A ledger line as a plan wants it: inserted, or moved if still open."""

    id: UUID
    channel: Channel
    target: str
    status: DeliveryStatus
    reason: str | None
    until: datetime | None


class PlanningRepository(Protocol):
    async def load(self, notification_id: UUID) -> PlanningSnapshot | None: ...

    async def claim_content(self, notification: Notification, window: timedelta) -> UUID | None:
        """Claims (user, content hash) for this notification. None when it is the holder;
        otherwise the id of the earlier notification that holds it within `window`. A holder
        that was cancelled, skipped, failed or expired gives way."""

    async def lock_usage(self, user_id: str) -> None:
        """Serialises plans of one user, so that limits are exact under concurrency."""

    async def usage(self, user_id: str, since: datetime, without: UUID) -> tuple[Usage, ...]: ...

    async def reserve_usage(self, user_id: str, usage: Sequence[Usage]) -> None:
        """Counts these messages against limits; a second call for the same one does nothing."""

    async def release_usage(self, notification_id: UUID, channels: Sequence[Channel]) -> None: ...

    async def save(
        self,
        notification: Notification,
        *,
        status: NotificationStatus,
        reason: str | None,
        until: datetime | None,
        plan: Plan,
        trigger: PlanTrigger,
        at: datetime,
        deliveries: Sequence[PlannedDelivery],
        events: Sequence[Event],
    ) -> bool:
        """Writes the plan's consequences. False, and nothing written, when the notification was
        cancelled, amended (other `revision`) or ended meanwhile."""


class InboxRepository(Protocol):
    async def add(
        self, user_id: str, notification_id: UUID, at: datetime, *, title: str | None, body: str
    ) -> int:
        """Puts the rendered words in the inbox; returns the item's seq, the same one when it is
        there already."""

    async def list(
        self, user_id: str, *, unread_only: bool, page: PageRequest
    ) -> Page[InboxItem]: ...

    async def after(self, user_id: str, seq: int, limit: int) -> tuple[InboxItem, ...]:
        """Items with a greater seq, oldest first, for a connection that resumes."""

    async def counts(self, user_id: str) -> tuple[int, int, int]:
        """(total, unread, last seq)."""

    async def unread_with(self, user_id: str, notification_id: UUID) -> int:
        """How many are unread, counting this notification when it is about to be added."""

    async def last_seqs(self, user_ids: Collection[str]) -> Mapping[str, int]:
        """The last number given out in each inbox that has any."""

    async def changed_since(
        self, user_ids: Collection[str], since: datetime
    ) -> tuple[InboxChange, ...]:
        """What was read in or removed from these inboxes at `since` or later."""

    async def mark_read(self, user_id: str, ids: Sequence[UUID], at: datetime) -> tuple[UUID, ...]:
        """The ids that were unread until now."""

    async def remove(self, user_id: str, notification_id: UUID) -> bool: ...


class UserRepository(Protocol):
    async def put(self, user: User) -> User:
        """Inserts or replaces; a new user gets a data key. Keeps `created_at`."""

    async def get(self, user_id: str) -> User | None: ...

    async def list(self, page: PageRequest) -> Page[User]: ...

    async def delete(self, user_id: str) -> bool:
        """Destroys the user's data key and every row that names the user's addresses.
        Notifications stay as bare, unreadable lines for the accounts."""

    async def lock(self, user_id: str) -> None:
        """Makes other changes of this user's choices wait until the transaction ends."""

    async def preferences(self, user_id: str) -> Preferences:
        """Stored choices or the defaults. Raises `NotFound("user_not_found")`."""

    async def put_preferences(self, preferences: Preferences, at: datetime) -> None: ...

    async def consents(self, user_id: str) -> tuple[Consent, ...]: ...

    async def put_consent(self, consent: Consent) -> None:
        """Stores the present answer and appends it to the consent history."""

    async def consent_history(
        self, user_id: str, consent: ConsentType, page: PageRequest
    ) -> Page[Consent]:
        """Every answer ever given, the newest first."""

    async def subscriptions(self, user_id: str) -> tuple[Subscription, ...]: ...

    async def put_subscription(self, subscription: Subscription) -> None: ...

    async def open_notifications(self, user_id: str) -> tuple[tuple[UUID, int], ...]:
        """(id, redrives) of the user's notifications that wait and may have to be planned anew."""


class DeviceRepository(Protocol):
    async def register(self, device: Device) -> Device:
        """By token: a token known already moves to this user and keeps its id."""

    async def list(self, user_id: str) -> tuple[Device, ...]: ...

    async def replace_token(self, user_id: str, old: str, device: Device) -> Device | None: ...

    async def remove(self, user_id: str, token: str) -> bool: ...

    async def remove_by_id(self, device_id: UUID, seen_before: datetime | None = None) -> bool:
        """A device seen at `seen_before` or later stays: it may have another token since."""

    async def remove_stale(self, before: datetime, limit: int) -> int:
        """Forgets up to `limit` devices last seen before then; how many it were."""


class CatalogueRepository(Protocol):
    """Notification types and templates: few, read often."""

    async def types(self) -> tuple[NotificationType, ...]: ...

    async def type(self, name: str) -> NotificationType | None: ...

    async def put_type(self, item: NotificationType) -> None: ...

    async def seed_type(self, item: NotificationType) -> None:
        """Adds a starter type; one that is there, edited or not, stays."""

    async def add_template_version(self, template: TemplateVersion) -> TemplateVersion:
        """Appends; the version is the next free one of its (key, locale), and returned."""

    async def template(
        self,
        key: str,
        *,
        locale: str | None = None,
        version: int | None = None,
        published_only: bool = False,
        created_by: datetime | None = None,
    ) -> tuple[TemplateVersion, ...]:
        """The newest (or the given) version in each locale (or the given one), of those made by
        then."""

    async def templates(self, page: PageRequest) -> Page[TemplateSummary]: ...

    async def delete_template(self, key: str) -> bool: ...


@dataclass(frozen=True, slots=True)
class StoredResponse:
    status: int
    body: bytes


class IdempotencyRepository(Protocol):
    async def claim(
        self, *, scope: str, key: str, body_hash: str, now: datetime, resource_id: str | None
    ) -> "IdempotencyRecord | None":
        """None when the key is free and now ours; else what holds it. Records older than 24 h,
        and unfinished ones older than a minute, are free. With `resource_id` the claim is
        complete at once: the response is made again from that resource."""

    async def complete(self, *, scope: str, key: str, response: StoredResponse) -> None: ...

    async def release(self, *, scope: str, key: str) -> None: ...


@dataclass(frozen=True, slots=True)
class IdempotencyRecord:
    body_hash: str
    resource_id: str | None
    response: StoredResponse | None

    @property
    def in_flight(self) -> bool:
        return self.resource_id is None and self.response is None


@dataclass(frozen=True, slots=True)
class DeadLetterFilter:
    type: str | None = None
    channel: Channel | None = None
    provider: str | None = None
    code: str | None = None
    status: str | None = "open"
    created_after: datetime | None = None
    created_before: datetime | None = None


class OperationsRepository(Protocol):
    async def dead_letters(
        self, where: DeadLetterFilter, page: PageRequest
    ) -> Page[DeadLetter]: ...

    async def dead_letter(self, dead_letter_id: UUID) -> DeadLetter | None: ...

    async def resolve_dead_letter(self, dead_letter_id: UUID, status: str, at: datetime) -> bool:
        """True when it was open until now."""

    async def resolve_letters_of(self, delivery_ids: Sequence[UUID], at: datetime) -> None:
        """Closes the open letters of deliveries that turned out to have left."""

    async def suppress(self, suppression: Suppression) -> Suppression:
        """By (channel, address): a second one returns the first, unless it lasts longer, or as
        long and weighs more: anything more than an opt-out, which its owner may lift, and a
        complaint more than a bounce. Then it takes the first one's place."""

    async def suppression(self, channel: Channel, address: str, at: datetime) -> Suppression | None:
        """The one that holds for an address at that instant."""

    async def lift_opt_out(self, channel: Channel, address: str, before: datetime) -> bool:
        """Lifts what the address's owner asked for before that instant, and nothing else. True
        when there was such a suppression."""

    async def suppressions(self, page: PageRequest) -> Page[Suppression]: ...

    async def lift_suppression(self, suppression_id: UUID) -> Suppression | None:
        """The one lifted, if there was one."""

    async def paused(self) -> tuple[PausedPart, ...]: ...

    async def pause(self, part: PausedPart) -> None:
        """Again changes what becomes of its messages."""

    async def resume(self, name: str) -> bool:
        """True when it was paused until now."""

    async def audit(self, entry: AuditEntry) -> None: ...

    async def audit_log(self, page: PageRequest) -> Page[AuditEntry]: ...


class ApiKeyRepository(Protocol):
    async def insert(self, key: ApiKey, secret_hash: str) -> None: ...

    async def by_hash(self, secret_hash: str) -> ApiKey | None: ...

    async def list(self, page: PageRequest) -> Page[ApiKey]: ...

    async def revoke(self, key_id: UUID, at: datetime) -> bool: ...


class EventRepository(Protocol):
    async def append(self, events: Sequence[Event]) -> None: ...

    async def timeline(self, notification_id: UUID) -> tuple[Event, ...]: ...


class SignalOutbox(Protocol):
    async def add(self, signals: Sequence[PendingSignal]) -> None: ...

    async def claim(
        self, *, older_than: datetime, again_before: datetime, limit: int
    ) -> tuple[PendingSignal, ...]: ...

    async def done(self, ids: Sequence[UUID]) -> None: ...


class UpkeepRepository(Protocol):
    async def make_partitions(self, months_ahead: int) -> None:
        """Of the tables with one for each month; those there are stay."""

    async def refresh_summary(self) -> None:
        """Readers see the earlier one meanwhile."""


class Transaction(Protocol):
    """The repositories of one open transaction."""

    @property
    def notifications(self) -> NotificationRepository: ...
    @property
    def planning(self) -> PlanningRepository: ...
    @property
    def deliveries(self) -> DeliveryRepository: ...
    @property
    def inbox(self) -> InboxRepository: ...
    @property
    def users(self) -> UserRepository: ...
    @property
    def devices(self) -> DeviceRepository: ...
    @property
    def catalogue(self) -> CatalogueRepository: ...
    @property
    def idempotency(self) -> IdempotencyRepository: ...
    @property
    def operations(self) -> OperationsRepository: ...
    @property
    def api_keys(self) -> ApiKeyRepository: ...
    @property
    def events(self) -> EventRepository: ...
    @property
    def signals(self) -> SignalOutbox: ...
    @property
    def campaigns(self) -> CampaignRepository: ...
    @property
    def upkeep(self) -> UpkeepRepository: ...
    @property
    def messages(self) -> MessageRepository: ...
    @property
    def sms_usage(self) -> NumberUsageRepository: ...
    @property
    def reports(self) -> ReportRepository: ...
    @property
    def callbacks(self) -> CallbackRepository: ...
    @property
    def engagement(self) -> EngagementRepository: ...
    @property
    def ab_tests(self) -> ABTestRepository: ...
    @property
    def announcements(self) -> AnnouncementRepository: ...
    @property
    def membership(self) -> AudienceMembership: ...
    @property
    def audiences(self) -> AudienceRepository: ...
    @property
    def audience_lists(self) -> AudienceListRepository: ...


UnitOfWork = Callable[[], AbstractAsyncContextManager[Transaction]]
"""Opens a transaction: `async with uow() as tx:`."""

JsonObject = Mapping[str, Any]
