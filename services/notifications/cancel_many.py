"""Cancelling many notifications at once, each as definitely as one alone."""

from collections.abc import Mapping, Sequence
from uuid import UUID

from domain.cancel import decide_cancel
from domain.enums import DeliveryStatus, EventType, NotificationStatus
from domain.ids import new_id
from domain.messages import CancelOutcome, SignalKind
from domain.ports.bulk import BulkUnitOfWork
from domain.ports.runtime import Clock, Starter
from domain.records.events import Event, PendingSignal
from domain.records.notifications import Delivery, Notification
from domain.status import notification_status_of
from services.notifications.cancel import channels_left

_STOPPED = {CancelOutcome.CANCELLED, CancelOutcome.PARTIALLY_SENT}


class CancelManyService:
    def __init__(self, uow: BulkUnitOfWork, starter: Starter, clock: Clock) -> None:
        self._uow = uow
        self._starter = starter
        self._clock = clock

    async def cancel(self, notification_ids: Sequence[UUID]) -> Mapping[UUID, CancelOutcome]:
        """Stops what has not left yet, in one transaction. Ids of no notification are left out
        of the answer. A provider call that is running this moment is not waited for."""
        now = self._clock()
        async with self._uow() as tx:
            found = await tx.bulk_deliveries.lock(notification_ids)
            ledger = await tx.bulk_deliveries.lines_of(list(found))
            outcomes = {id_: _decide(item, ledger.get(id_, ())) for id_, item in found.items()}
            stopped = [item for id_, item in found.items() if outcomes[id_] in _STOPPED]
            if not stopped:
                return outcomes
            statuses = {item.id: _status(outcomes[item.id], ledger, item) for item in stopped}
            await tx.bulk.cancel(statuses, now)
            kind = EventType.NOTIFICATION_CANCELLED
            await tx.events.append(
                [
                    Event(kind, item.user_id, now, item.id, detail={"outcome": outcomes[item.id]})
                    for item in stopped
                ]
            )
            # The first plan of what is only accepted reads that it was cancelled.
            signals = [
                PendingSignal(new_id(), item.id, item.redrives, SignalKind.CANCEL, now)
                for item in stopped
                if item.status is not NotificationStatus.ACCEPTED
            ]
            await tx.signals.add(signals)
        for signal in signals:
            self._starter.signal(signal.id, signal.notification_id, signal.redrives, signal.kind)
        return outcomes


def _decide(notification: Notification, lines: Sequence[Delivery]) -> CancelOutcome:
    return decide_cancel(
        notification.status,
        [line.status for line in lines],
        cancelled_now=sum(line.status.is_open for line in lines),
        channels_left=channels_left(notification, tuple(lines)),
    )


def _status(
    outcome: CancelOutcome, ledger: Mapping[UUID, Sequence[Delivery]], item: Notification
) -> NotificationStatus:
    if outcome is CancelOutcome.CANCELLED:
        return NotificationStatus.CANCELLED
    statuses = [line.status for line in ledger.get(item.id, ())]
    return notification_status_of(
        [DeliveryStatus.CANCELLED if status.is_open else status for status in statuses]
    )
