"""What is told of an attempt: lines of the event log, and dead letters."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from domain.enums import Channel, DeliveryStatus, EventType
from domain.ids import new_id
from domain.ports.deliveries import AttemptResult
from domain.records.events import Event
from domain.records.notifications import Delivery, Notification
from domain.records.operations import DeadLetter


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a channel failed before any provider was asked."""

    code: str
    message: str


_LINE_EVENTS = {
    DeliveryStatus.SENT: EventType.NOTIFICATION_SENT,
    DeliveryStatus.DELIVERED: EventType.NOTIFICATION_DELIVERED,
    DeliveryStatus.FAILED: EventType.NOTIFICATION_FAILED,
    DeliveryStatus.UNKNOWN: EventType.NOTIFICATION_FAILED,
    DeliveryStatus.PENDING: EventType.NOTIFICATION_RETRYING,
    DeliveryStatus.SENDING: EventType.NOTIFICATION_RETRYING,
}


def attempt_events(
    notification: Notification, lines: Sequence[Delivery], attempts: Sequence[AttemptResult]
) -> list[Event]:
    by_id = {attempt.delivery_id: attempt for attempt in attempts}
    events = []
    for line in lines:
        attempt = by_id[line.id]
        detail = {
            "provider": attempt.provider,
            "outcome": attempt.outcome,
            "providerMessageId": attempt.provider_message_id,
            "code": attempt.error_code,
            "message": attempt.error_message,
            "attempt": line.attempts,
            "passedOver": list(attempt.passed_over) or None,
            "nextAttemptAt": attempt.next_attempt_at.isoformat()
            if attempt.next_attempt_at
            else None,
        }
        given = {name: value for name, value in detail.items() if value is not None}
        kind = _LINE_EVENTS[line.status]
        events.append(notification_event(kind, notification, line.channel, attempt.at, **given))
    return events


def notification_event(
    kind: EventType, notification: Notification, channel: Channel, at: datetime, **detail: object
) -> Event:
    return Event(kind, notification.user_id, at, notification.id, channel, detail)


def dead_letter(
    notification: Notification,
    channel: Channel,
    line: Delivery | None,
    failure: Failure,
    at: datetime,
) -> DeadLetter:
    return DeadLetter(
        id=new_id(),
        notification_id=notification.id,
        delivery_id=line.id if line else None,
        user_id=notification.user_id,
        type=notification.type,
        channel=channel,
        provider=line.provider if line else None,
        code=failure.code,
        message=failure.message,
        created_at=at,
    )
