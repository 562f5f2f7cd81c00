"""Recording how a batch's provider calls ended, all of one call's in one transaction.

What `DeliveryRecorder` does for one notification is done here for many, by the same rules. A
notification whose try may be repeated goes back: to its batch when the whole call was refused or
another provider takes over, to a workflow of its own, which a relay starts in time, when it alone
is to wait.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

from domain.enums import DeliveryStatus
from domain.ports.bulk import BulkTransaction, BulkUnitOfWork, Standing
from domain.ports.deliveries import AttemptResult
from domain.ports.runtime import Clock
from domain.records.events import Event
from domain.records.notifications import Delivery, Notification
from services.bulk.prepare import Item
from services.delivery.events import attempt_events
from services.delivery.record import (
    DeliveryRecorder,
    final_failures,
    letters_for,
    standing_of,
)
from services.notifications.relay import CLAIM

_LEAST_REST = timedelta(milliseconds=10)


@dataclass(slots=True)
class Recorded:
    """What is left to the batch after a call."""

    at_once: list[UUID] = field(default_factory=list)
    """Notifications another provider is to be tried for."""
    rests: list[timedelta] = field(default_factory=list)
    """How long others wait: whole calls that were refused, or are in doubt."""


class BulkRecorder:
    def __init__(self, uow: BulkUnitOfWork, recorder: DeliveryRecorder, clock: Clock) -> None:
        self._uow = uow
        self._recorder = recorder
        self._clock = clock

    async def record(
        self,
        items: Sequence[Item],
        results: Sequence[tuple[AttemptResult, bool]],
        *,
        together: bool,
    ) -> Recorded:
        """`together`: they were one call, which may be refused as a whole."""
        recorded = Recorded()
        attempts = {attempt.delivery_id: attempt for attempt, _ in results}
        async with self._uow() as tx:
            locked = await tx.bulk_deliveries.lock([item.line.notification_id for item in items])
            lines = await tx.deliveries.record(list(attempts.values()))
            if not lines:
                return recorded
            await self._recorder.forget_targets(tx, lines, results)
            ledger = await tx.bulk_deliveries.lines_of([line.notification_id for line in lines])
            ended = []
            claims: dict[UUID, datetime | None] = {}
            for line in lines:
                attempt = attempts[line.id]
                if line.status is DeliveryStatus.PENDING:
                    claims[line.notification_id] = self._again(attempt, together, recorded, line)
                elif line.status is DeliveryStatus.SENDING:
                    recorded.rests.append(self._rest(attempt))
                else:
                    ended.append(line)
            await self._settle(tx, ended, locked, ledger)
            if claims:
                await tx.bulk_deliveries.return_unsent(claims)
            await tx.events.append(_events(lines, locked, attempts))
        return recorded

    def _again(
        self, attempt: AttemptResult, together: bool, recorded: Recorded, line: Delivery
    ) -> datetime | None:
        """When a relay was to have heard of it, to start a workflow when the next try is due;
        None: the batch keeps it."""
        if attempt.gives_up:
            recorded.at_once.append(line.notification_id)
            return None
        if together:
            recorded.rests.append(self._rest(attempt))
            return None
        return (attempt.next_attempt_at or self._clock()) - CLAIM

    def _rest(self, attempt: AttemptResult) -> timedelta:
        now = self._clock()
        return max((attempt.next_attempt_at or now) - now, _LEAST_REST)

    async def _settle(
        self,
        tx: BulkTransaction,
        ended: Sequence[Delivery],
        locked: Mapping[UUID, Notification],
        ledger: Mapping[UUID, Sequence[Delivery]],
    ) -> None:
        standings, letters = [], []
        for line in ended:
            notification = locked[line.notification_id]
            everything = ledger[notification.id]
            await self._recorder.suppress_opted_out(tx, notification, [line])
            failed = final_failures(notification, [line], everything)
            letters += letters_for(notification, failed, self._clock())
            if failed:
                await tx.planning.release_usage(notification.id, [line.channel])
            standings.append(
                Standing(notification.id, *standing_of(notification, everything, None))
            )
        if standings:
            await tx.bulk_deliveries.settle(standings)
        await tx.deliveries.bury(letters)


def _events(
    lines: Sequence[Delivery],
    locked: Mapping[UUID, Notification],
    attempts: Mapping[UUID, AttemptResult],
) -> list[Event]:
    return [
        event
        for line in lines
        for event in attempt_events(locked[line.notification_id], [line], [attempts[line.id]])
    ]
