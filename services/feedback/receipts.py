"""What a provider's receipt changes: deliveries, the notification, events, suppressions, letters.

Receipts only move deliveries forward, so that any number of them in any order end the same. All of
it happens in the caller's transaction, which holds the notification's lock: ledger lines are locked
after it, as everywhere.
"""

from collections.abc import Sequence
from typing import Final

from domain.callbacks import Receipt
from domain.enums import DeliveryStatus, EventType, NotificationStatus
from domain.ids import new_id
from domain.ports.runtime import Clock
from domain.ports.storage import Transaction
from domain.receipts import suppression_reason
from domain.records.events import Event
from domain.records.notifications import Delivery, Notification
from domain.records.operations import DeadLetter
from domain.status import notification_status_of
from services.campaigns.carried import note_outcome
from services.people.suppressions import suppress_target

_EVENTS: Final = {
    DeliveryStatus.SENT: EventType.NOTIFICATION_SENT,
    DeliveryStatus.DELIVERED: EventType.NOTIFICATION_DELIVERED,
    DeliveryStatus.BOUNCED: EventType.NOTIFICATION_FAILED,
    DeliveryStatus.COMPLAINED: EventType.NOTIFICATION_FAILED,
    DeliveryStatus.FAILED: EventType.NOTIFICATION_FAILED,
}


class ReceiptService:
    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    async def apply(
        self,
        tx: Transaction,
        notification: Notification,
        provider: str,
        receipt: Receipt,
        *,
        repeated: bool = False,
    ) -> None:
        """`notification` is locked and one of its deliveries has the message. `repeated`: this
        very receipt was applied before, so that a suppression lifted since then stays lifted."""
        received = await tx.deliveries.receive(
            provider,
            receipt.provider_message_id,
            receipt.status,
            receipt.at,
            code=receipt.code,
            message=receipt.message,
        )
        moved = [one.delivery for one in received if one.moved]
        if moved:
            await self._settle(tx, notification, moved, receipt)
        if received and (moved or not repeated):
            await self._suppress(tx, notification, received[0].delivery, receipt)

    async def _settle(
        self,
        tx: Transaction,
        notification: Notification,
        moved: Sequence[Delivery],
        receipt: Receipt,
    ) -> None:
        lines = await tx.deliveries.of(notification.id)
        status = notification_status_of([line.status for line in lines])
        # Read again: an earlier receipt of the same callback may have moved it.
        now = await tx.notifications.lock(notification.id) or notification
        if _may_move(now, status):
            failed = status is NotificationStatus.FAILED
            reason = moved[0].error_code if failed else None
            await tx.notifications.set_status(notification.id, status, reason=reason)
        await note_outcome(tx, notification, lines, receipt.at)
        await tx.events.append([_event(notification, line, receipt) for line in moved])
        if receipt.status is DeliveryStatus.FAILED:
            await tx.deliveries.bury([self._letter(notification, line) for line in moved])
        else:
            # It had failed or was in doubt, and left after all: redriving would send it again.
            await tx.operations.resolve_letters_of([line.id for line in moved], self._clock())

    async def _suppress(
        self, tx: Transaction, notification: Notification, line: Delivery, receipt: Receipt
    ) -> None:
        reason = suppression_reason(receipt, line.channel)
        if reason is not None:
            await suppress_target(
                tx,
                notification.user_id,
                line.channel,
                reason,
                f"provider:{line.provider}",
                self._clock(),
                receipt.recipient,
            )

    def _letter(self, notification: Notification, delivery: Delivery) -> DeadLetter:
        return DeadLetter(
            id=new_id(),
            notification_id=notification.id,
            delivery_id=delivery.id,
            user_id=notification.user_id,
            type=notification.type,
            channel=delivery.channel,
            provider=delivery.provider,
            code=delivery.error_code or "provider_failed",
            message=delivery.error_message or "The provider could not deliver it.",
            created_at=self._clock(),
        )


def _may_move(notification: Notification, status: NotificationStatus) -> bool:
    """A notification with channels still to come keeps its status; one that ended otherwise
    (cancelled after part of it had left) still learns that it was delivered."""
    return status is not notification.status and not notification.status.is_open


def _event(notification: Notification, delivery: Delivery, receipt: Receipt) -> Event:
    return Event(
        _EVENTS[receipt.status],
        notification.user_id,
        receipt.at,
        notification.id,
        delivery.channel,
        {
            "deliveryId": str(delivery.id),
            "provider": delivery.provider,
            "providerMessageId": delivery.provider_message_id,
            "status": delivery.status.value,
            "code": delivery.error_code,
        },
    )
