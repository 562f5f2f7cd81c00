"""Provider receipts: signed callbacks that move deliveries forward, in any order, any number of
times.

A receipt is applied in two transactions, so that none ever waits for the notification's lock while
it holds a ledger line; if the second is lost the provider calls again and the same ending is
reached.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from domain.callbacks import Receipt
from domain.enums import Channel, DeliveryStatus, EventType, NotificationStatus
from domain.errors import NotFound
from domain.ids import new_id
from domain.ports.providers import Provider
from domain.ports.runtime import Clock
from domain.ports.storage import Transaction, UnitOfWork
from domain.records import DeadLetter, Delivery, Event, Notification, Suppression, User
from domain.status import notification_status_of

PATIENCE: Final = timedelta(seconds=2)
"""A callback can overtake the record of the call it tells of by so much."""
_STEP: Final = 0.1
_EVENTS: Final = {
    DeliveryStatus.DELIVERED: EventType.NOTIFICATION_DELIVERED,
    DeliveryStatus.BOUNCED: EventType.NOTIFICATION_FAILED,
    DeliveryStatus.COMPLAINED: EventType.NOTIFICATION_FAILED,
    DeliveryStatus.FAILED: EventType.NOTIFICATION_FAILED,
}
_SUPPRESS: Final = {DeliveryStatus.BOUNCED: "bounced", DeliveryStatus.COMPLAINED: "complained"}


@dataclass(frozen=True, slots=True)
class ReceiptCounts:
    received: int
    unmatched: int
    """Receipts for messages that are not Herald's."""


class ReceiptService:
    def __init__(self, uow: UnitOfWork, providers: Mapping[str, Provider], clock: Clock) -> None:
        self._uow = uow
        self._providers = providers
        self._clock = clock

    async def receive(
        self, provider_name: str, headers: Mapping[str, str], body: bytes, url: str
    ) -> ReceiptCounts:
        """Applies a callback. Raises `NotFound("provider_not_found")`, `Unauthorized` for a bad
        signature, `Invalid` for a body that cannot be understood."""
        provider = self._providers.get(provider_name)
        if provider is None:
            raise NotFound("provider_not_found", f"There is no provider {provider_name!r}.")
        await provider.verify_webhook(headers, body, url)
        said = provider.parse_webhook(body)
        receipts = [one for one in said if isinstance(one, Receipt)]
        unmatched = 0
        for receipt in receipts:
            delivery = await self._apply(provider.name, receipt)
            if delivery is None:
                unmatched += 1
            else:
                await self._settle(delivery, receipt)
        return ReceiptCounts(len(receipts) - unmatched, unmatched)

    async def _apply(self, provider: str, receipt: Receipt) -> Delivery | None:
        deadline = self._clock() + PATIENCE
        while True:
            async with self._uow() as tx:
                delivery = await tx.deliveries.receive(
                    provider,
                    receipt.provider_message_id,
                    receipt.status,
                    receipt.at,
                    code=receipt.code,
                    message=receipt.message,
                )
            if delivery is not None or self._clock() >= deadline:
                return delivery
            await asyncio.sleep(_STEP)

    async def _settle(self, delivery: Delivery, receipt: Receipt) -> None:
        """The consequences: the notification's status, the event, suppression, dead letter."""
        if delivery.status is not receipt.status or receipt.status not in _EVENTS:
            return
        async with self._uow() as tx:
            notification = await tx.notifications.lock(delivery.notification_id)
            if notification is None or await self._told(tx, delivery):
                return
            lines = await tx.deliveries.of(notification.id)
            status = notification_status_of([line.status for line in lines])
            if _may_move(notification, status):
                reason = delivery.error_code if status is NotificationStatus.FAILED else None
                await tx.notifications.set_status(notification.id, status, reason=reason)
            await tx.events.append([_event(notification, delivery, receipt)])
            if receipt.status in _SUPPRESS:
                await self._suppress(tx, notification, delivery)
            if receipt.status is DeliveryStatus.FAILED:
                await tx.deliveries.bury([self._letter(notification, delivery)])

    async def _told(self, tx: Transaction, delivery: Delivery) -> bool:
        """Whether this receipt was settled before: providers repeat themselves."""
        return any(
            event.detail.get("deliveryId") == str(delivery.id)
            and event.detail.get("status") == delivery.status
            for event in await tx.events.timeline(delivery.notification_id)
        )

    async def _suppress(
        self, tx: Transaction, notification: Notification, delivery: Delivery
    ) -> None:
        user = await tx.users.get(notification.user_id)
        address = _address(user, delivery.channel) if user else None
        if user is None or address is None:
            return
        await tx.operations.suppress(
            Suppression(
                id=new_id(),
                channel=delivery.channel,
                reason=_SUPPRESS[delivery.status],
                source=f"provider:{delivery.provider}",
                created_at=self._clock(),
                user_id=user.id,
                address=address,
            )
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


def _address(user: User, channel: Channel) -> str | None:
    """The user's address of today; the message may have gone to an earlier one."""
    if channel is Channel.EMAIL:
        return user.email
    return user.phone if channel is Channel.SMS else None
