"""Cancelling with an answer, decided in the ledger alone.

The notification's row is locked, so no intent can be written between reading the deliveries and
closing them. What has no intent is stopped; what a provider may have is said to be sent. The
workflow hears of it afterwards.
"""

import asyncio
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from domain.cancel import decide_cancel
from domain.enums import DeliveryStatus, EventType, NotificationStatus
from domain.errors import notification_not_found
from domain.ids import new_id
from domain.messages import CancelOutcome, SignalKind
from domain.ports.runtime import Clock, Starter
from domain.ports.storage import Transaction, UnitOfWork
from domain.records.events import Event, PendingSignal
from domain.records.notifications import Delivery, Notification, NotificationView
from domain.status import notification_status_of

IN_FLIGHT_PATIENCE = timedelta(seconds=3)
_IN_FLIGHT_STEP = 0.1


@dataclass(frozen=True, slots=True)
class CancelAnswer:
    outcome: CancelOutcome
    view: NotificationView


class CancelService:
    def __init__(self, uow: UnitOfWork, starter: Starter, clock: Clock) -> None:
        self._uow = uow
        self._starter = starter
        self._clock = clock

    async def cancel(self, notification_id: UUID) -> CancelAnswer:
        """Stops what has not left yet. Raises `NotFound`.

        A delivery whose provider call is running this moment is waited for, a few seconds at
        most, so that the answer can name the provider's message id.
        """
        outcome, signal = await self._decide(notification_id)
        if signal is not None:
            self._starter.signal(signal.id, notification_id, signal.redrives, signal.kind)
        view = await self._settled_view(notification_id)
        return CancelAnswer(outcome, view)

    async def _decide(self, notification_id: UUID) -> tuple[CancelOutcome, PendingSignal | None]:
        now = self._clock()
        async with self._uow() as tx:
            notification = await tx.notifications.lock(notification_id)
            if notification is None:
                raise notification_not_found(notification_id)
            before = await tx.deliveries.of(notification_id)
            stopped = [line for line in before if line.status.is_open]
            outcome = decide_cancel(
                notification.status,
                [line.status for line in before],
                cancelled_now=len(stopped),
                channels_left=channels_left(notification, before),
            )
            if outcome in {CancelOutcome.ALREADY_FINAL, CancelOutcome.ALREADY_SENT}:
                return outcome, None
            await tx.notifications.request_cancel(notification_id, now)
            await tx.deliveries.close_open(
                notification_id, DeliveryStatus.CANCELLED, "cancelled_by_caller"
            )
            await self._close(tx, notification, before, outcome)
            signal = PendingSignal(
                new_id(), notification_id, notification.redrives, SignalKind.CANCEL, now
            )
            await tx.signals.add([signal])
            return outcome, signal

    async def _close(
        self,
        tx: Transaction,
        notification: Notification,
        before: tuple[Delivery, ...],
        outcome: CancelOutcome,
    ) -> None:
        status = NotificationStatus.CANCELLED
        if outcome is CancelOutcome.PARTIALLY_SENT:
            status = notification_status_of(
                [DeliveryStatus.CANCELLED if d.status.is_open else d.status for d in before]
            )
        await tx.notifications.set_status(notification.id, status, reason="cancelled_by_caller")
        await tx.planning.release_usage(
            notification.id, [line.channel for line in before if line.status.is_open]
        )
        await tx.events.append(
            [
                Event(
                    EventType.NOTIFICATION_CANCELLED,
                    notification.user_id,
                    self._clock(),
                    notification.id,
                    detail={"outcome": outcome},
                )
            ]
        )

    async def _settled_view(self, notification_id: UUID) -> NotificationView:
        deadline = self._clock() + IN_FLIGHT_PATIENCE
        while True:
            async with self._uow() as tx:
                view = await tx.notifications.get(notification_id)
            if view is None:
                raise notification_not_found(notification_id)
            sending = any(line.status is DeliveryStatus.SENDING for line in view.deliveries)
            if not sending or self._clock() >= deadline:
                return view
            await asyncio.sleep(_IN_FLIGHT_STEP)


def channels_left(notification: Notification, lines: tuple[Delivery, ...]) -> int:
    """Channels no ledger line exists for yet: the plan has not reached them."""
    return len(set(notification.channels) - {line.channel for line in lines})
