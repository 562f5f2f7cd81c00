"""Accepting: one transaction makes a notification true, everything after it is told.

The row is the truth. When the transaction has committed the notification will be planned and
sent, whether or not Temporal is there to hear of it now: the starter is told at once, and the
relay finds every row that nobody started.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

import orjson

from domain.commands import NewNotification
from domain.content import Content
from domain.enums import EventType, NotificationStatus, Priority
from domain.errors import Conflict, FieldError, HeraldError, Invalid, unknown_user
from domain.ids import keyed_hash, new_id
from domain.ports.bulk import BulkUnitOfWork
from domain.ports.idempotency import IdempotencyRecord
from domain.ports.runtime import Clock, Starter
from domain.ports.storage import Transaction
from domain.records.catalogue import NotificationType
from domain.records.events import Event
from domain.records.notifications import Notification, NotificationView
from services.ab.variants import Chosen, VariantService
from services.catalogue.reading import Catalogue
from services.notifications.attachments import AttachmentService
from services.notifications.template_choice import TemplateChooser, with_words

_BREATH = 200


@dataclass(frozen=True, slots=True)
class IdempotencyClaim:
    """A caller's `Idempotency-Key`, within that caller's scope, with the hash of the body."""

    scope: str
    key: str
    body_hash: str


@dataclass(frozen=True, slots=True)
class AcceptResult:
    view: NotificationView
    replayed: bool = False


@dataclass(frozen=True, slots=True)
class _Ready:
    """An item of many that may be stored."""

    row: Notification
    content: Content
    chosen: Chosen


class AcceptService:
    def __init__(
        self,
        uow: BulkUnitOfWork,
        catalogue: Catalogue,
        templates: TemplateChooser,
        attachments: AttachmentService,
        starter: Starter,
        clock: Clock,
        hash_key: bytes,
        variants: VariantService,
    ) -> None:
        self._uow = uow
        self._catalogue = catalogue
        self._templates = templates
        self._attachments = attachments
        self._starter = starter
        self._clock = clock
        self._hash_key = hash_key
        self._variants = variants

    async def accept(
        self, new: NewNotification, *, idempotency: IdempotencyClaim | None = None
    ) -> AcceptResult:
        """Stores one notification. Raises `Invalid` for what cannot be sent as asked, and for
        an idempotency key used with another body; `Conflict` while its first call is running."""
        now = self._clock()
        [chosen] = await self._variants.choose([new], now)
        if isinstance(chosen, HeraldError):
            raise chosen
        notification, content = await self._prepare(chosen.new, now)
        async with self._uow() as tx:
            if idempotency is not None:
                held = await tx.idempotency.claim(
                    scope=idempotency.scope,
                    key=idempotency.key,
                    body_hash=idempotency.body_hash,
                    now=notification.created_at,
                    resource_id=str(notification.id),
                )
                if held is not None:
                    return AcceptResult(await _replay(tx, held, idempotency), replayed=True)
            await tx.notifications.insert([(notification, content)])
            await self._variants.note(tx, [(notification, chosen)])
            await tx.events.append([_requested(notification, chosen)])
        self._starter.start(notification.id, about=notification)
        return AcceptResult(NotificationView(notification, content))

    async def prepare(
        self, new: NewNotification, notification_id: UUID
    ) -> tuple[Notification, Content]:
        """As `accept`, up to where it would be stored: for a caller that stores it, under an id
        of its own, together with what made it."""
        return await self._prepare(new, self._clock(), notification_id)

    async def accept_many(
        self, items: Sequence[NewNotification], *, ids: Sequence[UUID] | None = None
    ) -> list[UUID | HeraldError]:
        """Each item accepted or refused on its own, in the order given. `ids`: theirs, when they
        follow from something; none may be taken."""
        now = self._clock()
        answers: list[UUID | HeraldError] = []
        ready: list[_Ready] = []
        for index, chosen in enumerate(await self._variants.choose(items, now)):
            if index % _BREATH == 0:
                await asyncio.sleep(0)  # others want to be answered meanwhile
            try:
                if isinstance(chosen, HeraldError):
                    raise chosen
                own_id = ids[index] if ids else None
                notification, content = await self._prepare(chosen.new, now, own_id)
            except HeraldError as error:
                answers.append(error)
                continue
            answers.append(notification.id)
            ready.append(_Ready(notification, content, chosen))
        refused = await self._accept_batch(ready, now) if ready else {}
        return [refused.get(a, a) if isinstance(a, UUID) else a for a in answers]

    async def _accept_batch(self, items: list[_Ready], now: datetime) -> dict[UUID, HeraldError]:
        """One transaction for all, and a workflow that delivers them, the urgent ones first.
        Returns what was refused."""
        batch_id, order = new_id(), list(Priority)
        items.sort(key=lambda item: order.index(item.row.priority), reverse=True)
        pairs = [(item.row, item.content) for item in items]
        async with self._uow() as tx:
            strangers = await tx.bulk.accept(batch_id, pairs, now)
            stored = [item for item in items if item.row.id not in strangers]
            await self._variants.note(tx, [(item.row, item.chosen) for item in stored])
            await tx.events.append([_requested(item.row, item.chosen) for item in stored])
        if stored:
            self._starter.start_batch(batch_id, len(stored))
        return {row.id: unknown_user(row.user_id) for row, _ in pairs if row.id in strangers}

    async def _prepare(
        self, new: NewNotification, now: datetime, own_id: UUID | None = None
    ) -> tuple[Notification, Content]:
        kind = await self._catalogue.type(new.type)
        self._attachments.check(new.email)
        content = Content(
            title=new.title,
            content=new.content,
            data=new.data,
            email=new.email,
            sms=new.sms,
            push=new.push,
        )
        template = await self._templates.choose(new, kind, new.channels or kind.default_channels)
        channels = new.channels or with_words(template, kind.default_channels)
        notification = Notification(
            id=own_id or new_id(),
            user_id=new.user_id,
            type=kind.type,
            category=kind.category,
            priority=new.priority or kind.default_priority,
            channels=channels,
            strategy=new.strategy or kind.default_strategy,
            status=NotificationStatus.ACCEPTED,
            created_at=now,
            updated_at=now,
            content_hash=self.content_hash(new.dedup_key, kind.type, content),
            escalate_after=new.escalate_after,
            scheduled_at=new.scheduled_at,
            expires_at=_expiry(new, kind, now),
            dedup_key=new.dedup_key,
            digest_key=new.digest_key,
            template_key=template.key if template else None,
            # A locale nobody named is the user's own, read when it is rendered; the version is
            # then the newest of those published by `created_at`.
            template_version=template.version if template and _names_locale(new) else None,
            template_locale=template.locale if template and _names_locale(new) else None,
        )
        return notification, content

    def content_hash(self, dedup_key: str | None, type_name: str, content: Content) -> str:
        """What makes two notifications to one user the same: the caller's key, or their words."""
        if dedup_key is not None:
            return keyed_hash(self._hash_key, "dedup", dedup_key)
        words = orjson.dumps(
            content.model_dump(mode="json", include={"title", "content", "data"}),
            option=orjson.OPT_SORT_KEYS,
        )
        return keyed_hash(self._hash_key, "content", type_name, words.decode())


async def _replay(
    tx: Transaction, held: IdempotencyRecord, claim: IdempotencyClaim
) -> NotificationView:
    if held.body_hash != claim.body_hash:
        problem = FieldError(
            "Idempotency-Key", "idempotency_key_reused", "This key was used with another body."
        )
        raise Invalid(problem.code, problem.detail, errors=(problem,))
    if held.resource_id is None:
        raise Conflict("idempotency_in_flight", "The first call with this key is still running.")
    view = await tx.notifications.get(UUID(held.resource_id))
    if view is None:
        raise Conflict("idempotency_in_flight", "The first call with this key is still running.")
    return view


def _names_locale(new: NewNotification) -> bool:
    return new.template is not None and new.template.locale is not None


def _expiry(new: NewNotification, kind: NotificationType, now: datetime) -> datetime | None:
    if new.expires_at is not None or kind.time_to_live is None:
        return new.expires_at
    start: datetime = max(now, new.scheduled_at) if new.scheduled_at else now
    lifetime: timedelta = kind.time_to_live
    return start + lifetime


def _requested(notification: Notification, chosen: Chosen) -> Event:
    carried = {"abTest": {"id": str(chosen.test_id), "variant": chosen.name}}
    return Event(
        type=EventType.NOTIFICATION_REQUESTED,
        user_id=notification.user_id,
        at=notification.created_at,
        notification_id=notification.id,
        detail={
            "type": notification.type,
            "priority": notification.priority,
            "channels": list(notification.channels),
            "scheduledAt": notification.scheduled_at.isoformat()
            if notification.scheduled_at
            else None,
            **(carried if chosen.test_id else {}),
        },
    )
