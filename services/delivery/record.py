"""Recording how attempts ended: ledger lines, the notification's status, events, dead letters.

Everything one attempt changes is one transaction under the notification's lock, so that two
channels ending at the same moment still leave the right status.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from domain.delivering import RetryLater
from domain.enums import (
    Channel,
    DeliveryStatus,
    EventType,
    NotificationStatus,
    Strategy,
)
from domain.errors import Conflict
from domain.messages import DeliverOutcome, DeliverResult
from domain.ports.deliveries import AttemptResult, DeliveryJob
from domain.ports.runtime import Clock
from domain.ports.storage import Transaction, UnitOfWork
from domain.records.notifications import Delivery, Notification
from domain.records.operations import DeadLetter
from domain.status import notification_status_of
from services.delivery.events import Failure, attempt_events, dead_letter, notification_event
from services.people.suppressions import suppress_target

_FAILURES = {DeliveryStatus.FAILED, DeliveryStatus.UNKNOWN}
_GONE_CODES = {"target_removed", "suppressed"}


class DeliveryRecorder:
    def __init__(self, uow: UnitOfWork, clock: Clock) -> None:
        self._uow = uow
        self._clock = clock

    async def record(
        self,
        job: DeliveryJob,
        channel: Channel,
        results: Sequence[tuple[AttemptResult, bool]],
        *,
        waiting: bool = False,
    ) -> DeliverResult:
        """Writes the results. Raises `RetryLater` after committing when any may be tried again.
        The channel is not at its end while lines that were not tried are `waiting`."""
        attempts = [result for result, _ in results]
        async with self._uow() as tx:
            notification = await self._locked(tx, job.notification.id)
            lines = await tx.deliveries.record(attempts)
            await self.forget_targets(tx, lines, results)
            await self.suppress_opted_out(tx, notification, lines)
            everything = await tx.deliveries.of(notification.id)
            mine = [line for line in everything if line.channel is channel]
            again = _again_at(attempts)
            if again is None and not waiting:
                everything = await self._close_reserve(tx, notification, channel, everything)
                await self._bury(tx, notification, mine, everything)
            await self._settle(tx, notification, everything)
            await tx.events.append(attempt_events(notification, lines, attempts))
        if again is not None:
            first = next(a for a in attempts if a.next_attempt_at == again)
            wait = max(again - self._clock(), timedelta(milliseconds=10))
            raise RetryLater(first.error_code or "retry", wait, first.error_message or "")
        return _result(channel, mine)

    async def standing(self, notification_id: UUID, channel: Channel) -> DeliverResult:
        """How the channel stands when there was nothing to try: cancelled, or done before."""
        async with self._uow() as tx:
            lines = await tx.deliveries.of(notification_id)
        return _result(channel, [line for line in lines if line.channel is channel])

    async def skip_channel(
        self, tx: Transaction, job: DeliveryJob, channel: Channel, reason: str
    ) -> DeliverResult:
        """Ends the channel without a call, for a reason that is nobody's failure."""
        notification = await self._locked(tx, job.notification.id)
        await tx.deliveries.close_open(
            notification.id, DeliveryStatus.SKIPPED, reason, channel=channel
        )
        await tx.planning.release_usage(notification.id, [channel])
        everything = await tx.deliveries.of(notification.id)
        await self._settle(tx, notification, everything, reason)
        expired = reason == "expired"
        kind = EventType.NOTIFICATION_EXPIRED if expired else EventType.NOTIFICATION_SKIPPED
        await tx.events.append(
            [notification_event(kind, notification, channel, self._clock(), reason=reason)]
        )
        return DeliverResult(channel=channel, outcome=DeliverOutcome.SKIPPED, reason=reason)

    async def fail_channel(
        self, tx: Transaction, job: DeliveryJob, channel: Channel, failure: Failure
    ) -> DeliverResult:
        """Ends the channel as failed before any call, with a dead letter."""
        notification = await self._locked(tx, job.notification.id)
        await tx.deliveries.close_open(
            notification.id, DeliveryStatus.FAILED, failure.code, channel=channel
        )
        await tx.planning.release_usage(notification.id, [channel])
        everything = await tx.deliveries.of(notification.id)
        await self._settle(tx, notification, everything, failure.code)
        await tx.deliveries.bury([dead_letter(notification, channel, None, failure, self._clock())])
        await tx.events.append(
            [
                notification_event(
                    EventType.NOTIFICATION_FAILED,
                    notification,
                    channel,
                    self._clock(),
                    code=failure.code,
                    message=failure.message,
                )
            ]
        )
        return DeliverResult(channel=channel, outcome=DeliverOutcome.FAILED, reason=failure.code)

    async def _locked(self, tx: Transaction, notification_id: UUID) -> Notification:
        notification = await tx.notifications.lock(notification_id)
        if notification is None:
            raise Conflict("notification_gone", "The notification was deleted meanwhile.")
        return notification

    async def forget_targets(
        self,
        tx: Transaction,
        lines: Sequence[Delivery],
        results: Sequence[tuple[AttemptResult, bool]],
    ) -> None:
        gone = {result.delivery_id for result, target_gone in results if target_gone}
        for line in lines:
            if line.id in gone and line.channel is Channel.PUSH:
                await tx.devices.remove_by_id(UUID(line.target), seen_before=line.intent_at)

    async def suppress_opted_out(
        self, tx: Transaction, notification: Notification, lines: Sequence[Delivery]
    ) -> None:
        """The vendor knows of an opt-out that Herald was not told of."""
        for line in lines:
            if line.error_code == "opted_out" and line.status is DeliveryStatus.FAILED:
                source = f"provider:{line.provider}"
                await suppress_target(
                    tx, notification.user_id, line.channel, "opted_out", source, self._clock()
                )

    async def _close_reserve(
        self,
        tx: Transaction,
        notification: Notification,
        channel: Channel,
        everything: tuple[Delivery, ...],
    ) -> tuple[Delivery, ...]:
        """A fallback's later channels are not needed once an earlier one has left."""
        mine = [line for line in everything if line.channel is channel]
        left = any(line.status.has_left for line in mine)
        if notification.strategy is not Strategy.FALLBACK or not left:
            return everything
        await tx.deliveries.close_open(
            notification.id, DeliveryStatus.SKIPPED, "earlier_channel_succeeded"
        )
        return await tx.deliveries.of(notification.id)

    async def _bury(
        self,
        tx: Transaction,
        notification: Notification,
        mine: Sequence[Delivery],
        everything: Sequence[Delivery],
    ) -> None:
        failed = final_failures(notification, mine, everything)
        await tx.deliveries.bury(letters_for(notification, failed, self._clock()))
        if failed:
            await tx.planning.release_usage(notification.id, [line.channel for line in failed])

    async def _settle(
        self,
        tx: Transaction,
        notification: Notification,
        lines: Sequence[Delivery],
        reason: str | None = None,
    ) -> None:
        status, why, until = standing_of(notification, lines, reason)
        if (status, why, until) != (notification.status, notification.reason, notification.until):
            await tx.notifications.set_status(notification.id, status, reason=why, until=until)


def final_failures(
    notification: Notification, mine: Sequence[Delivery], everything: Sequence[Delivery]
) -> list[Delivery]:
    """Lines of a channel that ended in failure, unless another device or channel makes up for
    them."""
    failed = [line for line in mine if line.status in _FAILURES]
    if any(line.status.has_left for line in mine):
        failed = [line for line in failed if line.status is DeliveryStatus.UNKNOWN]
    reserve = any(line.status.is_open for line in everything)
    return [] if notification.strategy is Strategy.FALLBACK and reserve else failed


def letters_for(
    notification: Notification, failed: Sequence[Delivery], at: datetime
) -> list[DeadLetter]:
    """What waits for a person; nobody can do anything about a target that is gone."""
    return [
        dead_letter(
            notification,
            line.channel,
            line,
            Failure(line.error_code or line.status, line.error_message or ""),
            at,
        )
        for line in failed
        if line.error_code not in _GONE_CODES
    ]


def standing_of(
    notification: Notification, lines: Sequence[Delivery], reason: str | None
) -> tuple[NotificationStatus, str | None, datetime | None]:
    """A notification's status, reason and instant from its ledger lines."""
    statuses = [line.status for line in lines]
    if notification.cancel_requested_at is not None:
        closed = [DeliveryStatus.CANCELLED if s.is_open else s for s in statuses]
        return notification_status_of(closed), notification.reason, None
    if notification.strategy is Strategy.ESCALATE and any(s.has_left for s in statuses):
        statuses = [s for s in statuses if not s.is_open]
    deferred = [line for line in lines if line.until is not None and line.status.is_open]
    in_motion = any(
        line.status is DeliveryStatus.SENDING
        or (line.status is DeliveryStatus.PENDING and line.reason is None)
        for line in lines
    )
    if deferred and not in_motion and notification.strategy is Strategy.ALL:
        soonest = min(deferred, key=lambda line: line.until or notification.created_at)
        return NotificationStatus.SCHEDULED, soonest.reason, soonest.until
    status = notification_status_of(statuses)
    if reason == "expired" and status is NotificationStatus.SKIPPED:
        status = NotificationStatus.EXPIRED
    if status is NotificationStatus.FAILED:
        failed = next((line for line in lines if line.error_code), None)
        return status, (failed.error_code if failed else None) or reason, None
    return status, reason if not status.is_open else None, None


def _again_at(attempts: Sequence[AttemptResult]) -> datetime | None:
    return min((a.next_attempt_at for a in attempts if a.next_attempt_at), default=None)


def _result(channel: Channel, lines: Sequence[Delivery]) -> DeliverResult:
    failed = next((line.error_code for line in lines if line.error_code), None)
    return DeliverResult(channel=channel, outcome=outcome_of(lines), reason=failed)


def outcome_of(lines: Sequence[Delivery]) -> DeliverOutcome:
    """A channel's ending from its lines: any that left make it sent."""
    statuses = {line.status for line in lines}
    if any(status.has_left for status in statuses):
        return DeliverOutcome.SENT
    if DeliveryStatus.UNKNOWN in statuses or DeliveryStatus.SENDING in statuses:
        return DeliverOutcome.UNKNOWN
    if DeliveryStatus.FAILED in statuses:
        return DeliverOutcome.FAILED
    if DeliveryStatus.CANCELLED in statuses:
        return DeliverOutcome.CANCELLED
    return DeliverOutcome.SKIPPED
