"""Changing a notification while it waits: new words, a new instant, or out at once.

Allowed exactly as long as no intent was written; the row's lock makes that certain.
"""

from dataclasses import replace
from uuid import UUID

from domain.commands import AmendNotification
from domain.content import Content
from domain.enums import EventType
from domain.errors import Conflict, FieldError, Invalid, notification_not_found
from domain.ids import new_id
from domain.messages import SignalKind
from domain.ports.runtime import Clock, Starter
from domain.ports.storage import Transaction, UnitOfWork
from domain.records.events import Event, PendingSignal
from domain.records.notifications import Notification, NotificationView
from services.notifications.accept import AcceptService

_CONTENT_FIELDS = ("title", "content", "data")


class AmendService:
    def __init__(
        self, uow: UnitOfWork, accept: AcceptService, starter: Starter, clock: Clock
    ) -> None:
        self._uow = uow
        self._accept = accept
        self._starter = starter
        self._clock = clock

    async def amend(self, notification_id: UUID, change: AmendNotification) -> NotificationView:
        """Applies the change. Raises `NotFound`, `Conflict("already_sent")` once anything was
        tried, `Conflict("already_final")` when it has ended."""
        changes = change.changes()
        now = self._clock()
        async with self._uow() as tx:
            notification = await self._waiting(tx, notification_id)
            view = await tx.notifications.get(notification_id)
            if view is None:
                raise notification_not_found(notification_id)
            words = {name: changes.pop(name) for name in _CONTENT_FIELDS if name in changes}
            content = view.content.model_copy(update=words)
            amended = replace(notification, **changes, updated_at=now)
            amended = self._rehashed(amended, content)
            _check_instants(amended)
            await tx.notifications.amend(amended, content)
            signal = await self._announce(
                tx,
                amended,
                SignalKind.AMEND,
                Event(
                    EventType.NOTIFICATION_AMENDED,
                    amended.user_id,
                    now,
                    notification_id,
                    detail={"fields": sorted([*words, *changes])},
                ),
            )
        self._starter.signal(signal.id, notification_id, signal.redrives, signal.kind)
        return replace(
            view, notification=replace(amended, revision=amended.revision + 1), content=content
        )

    async def send_now(self, notification_id: UUID) -> NotificationView:
        """Takes away schedule, quiet hours and limits; opt-outs and the law stay. Raises as
        `amend` does."""
        async with self._uow() as tx:
            notification = await self._waiting(tx, notification_id)
            await tx.notifications.set_send_now(notification_id)
            signal = await self._announce(
                tx,
                notification,
                SignalKind.SEND_NOW,
                Event(
                    EventType.NOTIFICATION_AMENDED,
                    notification.user_id,
                    self._clock(),
                    notification_id,
                    detail={"sendNow": True},
                ),
            )
            view = await tx.notifications.get(notification_id)
        if view is None:
            raise notification_not_found(notification_id)
        self._starter.signal(signal.id, notification_id, signal.redrives, signal.kind)
        return view

    async def _waiting(self, tx: Transaction, notification_id: UUID) -> Notification:
        notification = await tx.notifications.lock(notification_id)
        if notification is None:
            raise notification_not_found(notification_id)
        if notification.first_intent_at is not None:
            raise Conflict("already_sent", "Something of this notification was sent already.")
        if not notification.status.is_open:
            raise Conflict("already_final", f"This notification is {notification.status}.")
        return notification

    async def _announce(
        self, tx: Transaction, notification: Notification, kind: SignalKind, event: Event
    ) -> PendingSignal:
        signal = PendingSignal(
            new_id(), notification.id, notification.redrives, kind, self._clock()
        )
        await tx.signals.add([signal])
        await tx.events.append([event])
        return signal

    def _rehashed(self, notification: Notification, content: Content) -> Notification:
        return replace(
            notification,
            content_hash=self._accept.content_hash(
                notification.dedup_key, notification.type, content
            ),
        )


def _check_instants(notification: Notification) -> None:
    start, end = notification.scheduled_at, notification.expires_at
    if start is not None and end is not None and end <= start:
        problem = FieldError("expiresAt", "expires_before_scheduled", "It would never be sent.")
        raise Invalid("expires_before_scheduled", problem.detail, errors=(problem,))
