"""What people do with their messages: kept once each, shown in the timeline, told to a workflow
that waits for it.

Who opens or clicks has received, so every engagement implies a delivery. What a user who refused
the `tracking` consent opens or clicks is not kept; that the message arrived and was seen still is
taken into account.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Final
from uuid import UUID

from domain.ab.definition import ABMetric
from domain.callbacks import EngagementKind, Receipt
from domain.campaigns.ids import carried_line
from domain.enums import Channel, ConsentType, DeliveryStatus, EventType, Strategy
from domain.ids import new_id
from domain.messages import SignalKind
from domain.ports.callbacks import EngagementRecord
from domain.ports.runtime import Clock, Starter
from domain.ports.storage import Transaction, UnitOfWork
from domain.records.events import Event, PendingSignal
from domain.records.notifications import Delivery, Notification
from services.campaigns.carried import note_engaged
from services.feedback.receipts import ReceiptService

_EVENTS: Final = {
    EngagementKind.OPENED: EventType.NOTIFICATION_OPENED,
    EngagementKind.CLICKED: EventType.NOTIFICATION_CLICKED,
    EngagementKind.READ: EventType.NOTIFICATION_READ,
}
_METRICS: Final = {
    EngagementKind.OPENED: (ABMetric.OPEN,),
    EngagementKind.CLICKED: (
        ABMetric.CLICK,
        ABMetric.OPEN,
    ),  # pictures, and their pixel, may be off
    EngagementKind.READ: (ABMetric.READ,),
    EngagementKind.CONVERTED: (ABMetric.CONVERSION,),
}
_TRACKED: Final = frozenset(
    {EngagementKind.OPENED, EngagementKind.CLICKED, EngagementKind.DISMISSED}
)
"""What is only known by watching; the rest people tell on purpose."""


class EngagementService:
    def __init__(
        self, uow: UnitOfWork, receipts: ReceiptService, starter: Starter, clock: Clock
    ) -> None:
        self._uow = uow
        self._receipts = receipts
        self._starter = starter
        self._clock = clock

    async def record(
        self,
        notification_id: UUID,
        channel: Channel,
        kind: EngagementKind,
        at: datetime,
        url: str | None = None,
    ) -> bool:
        """True when it is new. False for what was told before, and for a notification that never
        left on this channel."""
        async with self._uow() as tx:
            notification = await tx.notifications.lock(notification_id)
            if notification is None:
                return False
            lines = [
                line
                for line in await tx.deliveries.of(notification_id)
                if line.channel is channel and _may_have_left(line)
            ]
            if not lines:
                return False
            is_new, signals = await self.note(tx, notification, lines, kind, at, url)
        self.tell(signals)
        return is_new

    async def note(
        self,
        tx: Transaction,
        notification: Notification,
        lines: Sequence[Delivery],
        kind: EngagementKind,
        at: datetime,
        url: str | None,
    ) -> tuple[bool, Sequence[PendingSignal]]:
        """In the caller's transaction, which holds the notification's lock. `lines`: the
        deliveries that are one message. Whether it is new, and the signals to hand on with
        `tell` after the commit."""
        said_at, at = at, max(at, notification.created_at)
        carried = carried_line(notification.id, notification.dedup_key)
        record = EngagementRecord(
            lines[0].id,
            notification.id,
            notification.user_id,
            lines[0].channel,
            kind,
            at,
            url,
            said_at,
            campaign_id=carried.campaign_id if carried else None,
        )
        kept = await self._may_keep(tx, notification.user_id, kind)
        if kept and not await tx.engagement.add(record):
            return False, ()
        await self._delivered(tx, notification, lines, at)
        if kept:
            await self._known(tx, notification, record, lines[0])
        signals = _signals(notification, self._clock())
        if signals:
            await tx.signals.add(signals)
        return kept, signals

    def tell(self, signals: Sequence[PendingSignal]) -> None:
        """After the commit."""
        for signal in signals:
            self._starter.signal(signal.id, signal.notification_id, signal.redrives, signal.kind)

    async def _known(
        self, tx: Transaction, notification: Notification, record: EngagementRecord, line: Delivery
    ) -> None:
        kind = record.kind
        if kind in _EVENTS:
            await tx.events.append([_event(record, line)])
        if kind in _METRICS:
            await tx.ab_tests.engaged([notification.id], _METRICS[kind], record.at)
        await note_engaged(tx, [notification], kind, record.at)

    async def _may_keep(self, tx: Transaction, user_id: str, kind: EngagementKind) -> bool:
        if kind not in _TRACKED:
            return True
        answers = await tx.users.consents(user_id)
        return all(one.granted or one.type is not ConsentType.TRACKING for one in answers)

    async def _delivered(
        self, tx: Transaction, notification: Notification, lines: Sequence[Delivery], at: datetime
    ) -> None:
        messages = {
            (line.provider, line.provider_message_id)
            for line in lines
            if line.provider and line.provider_message_id
        }
        for provider, message_id in sorted(messages):
            told = Receipt(message_id, DeliveryStatus.DELIVERED, at)
            await self._receipts.apply(tx, notification, provider, told)


def _may_have_left(line: Delivery) -> bool:
    return line.status.has_left or line.status in {DeliveryStatus.UNKNOWN, DeliveryStatus.SENDING}


def _event(record: EngagementRecord, line: Delivery) -> Event:
    return Event(
        _EVENTS[record.kind],
        record.user_id,
        record.at,
        record.notification_id,
        record.channel,
        {"deliveryId": str(line.id), "provider": line.provider},
    )


def _signals(notification: Notification, at: datetime) -> tuple[PendingSignal, ...]:
    """An escalation ends when its message was seen."""
    if notification.strategy is not Strategy.ESCALATE:
        return ()
    kind = SignalKind.ENGAGEMENT
    return (PendingSignal(new_id(), notification.id, notification.redrives, kind, at),)
