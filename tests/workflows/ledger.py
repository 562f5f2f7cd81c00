"""Services of one's own behind the real activities: a small ledger that follows a script.

It keeps the promises the workflow builds on: what is cancelled is not sent, what is used up is not
planned again, and a fallback that succeeded closes its reserve. Everything asked of it is noted.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

from domain.cancel import decide_cancel
from domain.enums import Channel, DeliveryStatus, NotificationStatus, PlanTrigger, Strategy
from domain.errors import NotFound
from domain.ids import new_id
from domain.messages import (
    CancelOutcome,
    CancelResult,
    DeliverInput,
    DeliverOutcome,
    DeliverResult,
    FinishInput,
    PlanInput,
    PlanResult,
)
from domain.status import notification_status_of

NOW = timedelta(0)
STATUSES = {
    DeliverOutcome.SENT: DeliveryStatus.SENT,
    DeliverOutcome.FAILED: DeliveryStatus.FAILED,
    DeliverOutcome.SKIPPED: DeliveryStatus.SKIPPED,
    DeliverOutcome.UNKNOWN: DeliveryStatus.UNKNOWN,
}
Step = DeliverOutcome | Exception


@dataclass
class Case:
    """One notification: what its services will say, and what they were asked."""

    due: dict[Channel, timedelta]
    """Channels in order, each with its instant after the first plan."""
    strategy: Strategy = Strategy.ALL
    script: dict[Channel, list[Step]] = field(default_factory=dict)
    """How each attempt ends; `sent` when the script runs out."""
    expires_after: timedelta | None = None
    escalate_after: timedelta | None = None
    plan_failures: list[Exception] = field(default_factory=list)
    hold: asyncio.Event | None = None
    """Provider calls last until this is set."""
    refused: set[Channel] = field(default_factory=set)
    """Channels the user opted out of."""
    held_for: timedelta = NOW
    """How long after the first plan a pause lasts that an attempt finds."""
    gathered: set[Channel] = field(default_factory=set)
    """Channels that wait in a digest until they are due."""
    told: bool = False
    """The digest's workflow knows already."""
    forgetful: bool = False
    """A channel skipped when it was to be delivered looks fine again to the next plan."""
    id: UUID = field(default_factory=new_id)
    send_now: bool = False
    cancelled: bool = False
    start: datetime | None = None
    status: NotificationStatus = NotificationStatus.ACCEPTED
    lines: dict[Channel, DeliveryStatus] = field(default_factory=dict)
    plans: list[tuple[PlanTrigger, timedelta]] = field(default_factory=list)
    """Each plan's trigger and its instant after the first."""
    attempts: list[tuple[Channel, timedelta]] = field(default_factory=list)
    sent: list[Channel] = field(default_factory=list)
    finished: list[str] = field(default_factory=list)
    cancels: list[CancelOutcome] = field(default_factory=list)
    calling: asyncio.Event = field(default_factory=asyncio.Event)
    planned: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def triggers(self) -> list[PlanTrigger]:
        return [trigger for trigger, _ in self.plans]

    def since_start(self, now: datetime) -> timedelta:
        if self.start is None:
            self.start = now
        return now - self.start

    def remaining(self) -> list[Channel]:
        again = {DeliveryStatus.PENDING, DeliveryStatus.DEFERRED, DeliveryStatus.SKIPPED}
        open_lines = any(status.is_open for status in self.lines.values())
        if not self.status.is_open and not open_lines:
            return []
        return [c for c in self.due if self.lines.get(c, DeliveryStatus.PENDING) in again]

    def close_open(self, status: DeliveryStatus) -> None:
        for channel in self.due:
            if self.lines.get(channel, DeliveryStatus.PENDING).is_open:
                self.lines[channel] = status

    def settle(self) -> None:
        self.status = notification_status_of(list(self.lines.values()))

    def assert_closed(self) -> None:
        """What must hold when the workflow has ended."""
        assert not self.status.is_open, self
        assert len(self.sent) == len(set(self.sent)), f"sent twice: {self.sent}"
        assert not any(s.is_open or s is DeliveryStatus.SENDING for s in self.lines.values()), self


class Ledger:
    """Stands where PlanService, CancelService and DeliverService stand."""

    def __init__(self) -> None:
        self._cases: dict[UUID, Case] = {}

    def add(self, case: Case) -> Case:
        self._cases[case.id] = case
        return case

    def _case(self, notification_id: UUID) -> Case:
        case = self._cases.get(notification_id)
        if case is None:
            raise NotFound("notification_not_found", "No such notification.")
        return case

    async def plan(self, command: PlanInput) -> PlanResult:
        case = self._case(command.notification_id)
        if case.plan_failures:
            raise case.plan_failures.pop(0)
        at = case.since_start(command.now)
        case.plans.append((command.trigger, at))
        case.planned.set()
        if case.cancelled or not case.remaining():
            return _ended(case)
        if case.expires_after is not None and at >= case.expires_after:
            case.close_open(DeliveryStatus.SKIPPED)
            case.status = NotificationStatus.EXPIRED
            return _ended(case)
        return _planned(case, at)

    async def finish(self, command: FinishInput) -> None:
        case = self._case(command.notification_id)
        case.finished.append(command.reason)
        case.close_open(DeliveryStatus.SKIPPED)
        case.settle()

    async def cancel(self, notification_id: UUID) -> CancelResult:
        case = self._case(notification_id)
        stopped = [s for s in case.lines.values() if s.is_open]
        outcome = decide_cancel(
            case.status, list(case.lines.values()), len(stopped), len(case.due) - len(case.lines)
        )
        case.cancels.append(outcome)
        if outcome in {CancelOutcome.CANCELLED, CancelOutcome.PARTIALLY_SENT}:
            case.cancelled = True
            case.close_open(DeliveryStatus.CANCELLED)
            case.settle()
        return CancelResult(outcome=outcome)

    async def deliver(self, command: DeliverInput) -> DeliverResult:
        case, channel = self._case(command.notification_id), command.channel
        case.attempts.append((channel, case.since_start(command.now)))
        steps = case.script.get(channel, [])
        if case.lines[channel] not in {DeliveryStatus.PENDING, DeliveryStatus.SENDING}:
            return _standing(case, channel)
        case.lines[channel] = DeliveryStatus.SENDING
        case.calling.set()
        if case.hold is not None:
            await case.hold.wait()
        step = steps.pop(0) if steps else DeliverOutcome.SENT
        if isinstance(step, Exception):
            case.lines[channel] = DeliveryStatus.PENDING
            if case.cancelled:
                case.close_open(DeliveryStatus.CANCELLED)
                case.settle()
            raise step
        if step is DeliverOutcome.HELD:
            case.lines[channel] = DeliveryStatus.DEFERRED
            case.due[channel] = case.held_for
            return DeliverResult(channel=channel, outcome=step)
        case.lines[channel] = STATUSES[step]
        if step is DeliverOutcome.SKIPPED and not case.forgetful:
            case.refused.add(channel)
        if step is DeliverOutcome.SENT:
            case.sent.append(channel)
            if case.strategy is Strategy.FALLBACK:
                case.close_open(DeliveryStatus.SKIPPED)
        case.settle()
        return DeliverResult(channel=channel, outcome=step)


def _planned(case: Case, at: timedelta) -> PlanResult:
    usable = []
    for channel in case.remaining():
        if channel in case.refused:
            case.lines[channel] = DeliveryStatus.SKIPPED
        else:
            usable.append(channel)
    if not usable:
        case.settle()
        return _ended(case)
    candidates = usable if case.strategy is Strategy.ALL else usable[:1]
    held = usable[len(candidates) :]
    ready = [c for c in candidates if case.send_now or case.due[c] <= at]
    deferred = [c for c in candidates if c not in ready]
    for channel in usable:
        late = channel in deferred
        case.lines[channel] = DeliveryStatus.DEFERRED if late else DeliveryStatus.PENDING
    case.status = NotificationStatus.PROCESSING if ready else NotificationStatus.SCHEDULED
    return _result(case, ready, deferred, held)


def _result(
    case: Case, ready: Sequence[Channel], deferred: Sequence[Channel], held: Sequence[Channel]
) -> PlanResult:
    assert case.start is not None
    gathered = [c for c in deferred if c in case.gathered]
    until = min((case.due[c] for c in deferred if c not in gathered), default=None)
    if until is not None and case.expires_after is not None:
        until = min(until, case.expires_after)
    return PlanResult(
        status=case.status,
        ended=False,
        strategy=case.strategy,
        ready=tuple(ready),
        wait_until=None if until is None else case.start + until,
        gathered=bool(gathered),
        hand_over=bool(gathered) and not case.told,
        escalate_after=case.escalate_after,
        held=tuple(held),
        summary=f"{len(ready)} now, {len(deferred)} later, {len(held)} in reserve.",
    )


def _ended(case: Case) -> PlanResult:
    return PlanResult(status=case.status, ended=True, strategy=case.strategy, summary="Ended.")


def _standing(case: Case, channel: Channel) -> DeliverResult:
    outcome = {
        DeliveryStatus.SENT: DeliverOutcome.SENT,
        DeliveryStatus.CANCELLED: DeliverOutcome.CANCELLED,
        DeliveryStatus.FAILED: DeliverOutcome.FAILED,
        DeliveryStatus.UNKNOWN: DeliverOutcome.UNKNOWN,
    }.get(case.lines[channel], DeliverOutcome.SKIPPED)
    return DeliverResult(channel=channel, outcome=outcome)
