"""Writing: what a plan makes of the notification and its ledger, and tells the workflow. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from domain.enums import (
    Channel,
    DeliveryStatus,
    EventType,
    GateOutcome,
    NotificationStatus,
    PlanOutcome,
    PlanTrigger,
)
from domain.ids import new_id
from domain.messages import PlanResult
from domain.plan_types import ChannelPlan, Plan
from domain.ports.planning import PlanDraft, PlannedDelivery, PlanningSnapshot
from domain.records.events import Event
from domain.records.notifications import Delivery, Notification
from domain.rules.summary import plan_sentence
from domain.status import notification_status_of

PRIMARY = "primary"
NO_DEVICE = "none"
_LINE_STATUS = {
    GateOutcome.ALLOW: DeliveryStatus.PENDING,
    GateOutcome.HOLD: DeliveryStatus.PENDING,
    GateOutcome.DEFER: DeliveryStatus.DEFERRED,
    GateOutcome.DIGEST: DeliveryStatus.DEFERRED,
    GateOutcome.SKIP: DeliveryStatus.SKIPPED,
}


@dataclass(frozen=True, slots=True)
class _Outcome:
    status: NotificationStatus
    reason: str | None
    until: datetime | None


def draft_of(
    plan: Plan,
    snapshot: PlanningSnapshot,
    remaining: tuple[Channel, ...],
    trigger: PlanTrigger,
    now: datetime,
) -> PlanDraft:
    """All that saving the plan would write."""
    outcome = _outcome_of(plan, snapshot, remaining)
    return PlanDraft(
        notification=snapshot.notification,
        plan=plan,
        trigger=trigger,
        at=now,
        status=outcome.status,
        reason=outcome.reason,
        until=outcome.until,
        deliveries=tuple(_ledger_lines(plan, snapshot)),
        events=tuple(_events(plan, outcome, snapshot.notification, now)),
    )


def plan_result(draft: PlanDraft, timezone: str) -> PlanResult:
    """What the workflow hears of it, in words for people of that zone."""
    plan, notification = draft.plan, replace(draft.notification, status=draft.status)
    summary = plan_sentence(plan, timezone, now=draft.at)
    if plan.outcome in {PlanOutcome.SKIP, PlanOutcome.EXPIRE}:
        return ended_result(notification).model_copy(update={"summary": summary})
    # What is gathered is the digest's to wait for.
    waits = [c.until for c in plan.channels if c.until and c.outcome is GateOutcome.DEFER]
    return PlanResult(
        status=notification.status,
        ended=False,
        strategy=notification.strategy,
        ready=plan.ready(),
        wait_until=min(waits, default=None),
        escalate_after=notification.escalate_after,
        held=tuple(c.channel for c in plan.channels if c.outcome is GateOutcome.HOLD),
        expires_at=notification.expires_at,
        priority=notification.priority,
        summary=summary,
    )


def ended_result(notification: Notification) -> PlanResult:
    """There is nothing to plan for any more."""
    return PlanResult(
        status=notification.status,
        ended=True,
        strategy=notification.strategy,
        expires_at=notification.expires_at,
        summary=f"Ended: {notification.status}.",
    )


def _outcome_of(plan: Plan, snapshot: PlanningSnapshot, remaining: tuple[Channel, ...]) -> _Outcome:
    waiting = [c for c in plan.channels if c.until is not None]
    if plan.outcome is PlanOutcome.WAIT:
        return _Outcome(NotificationStatus.SCHEDULED, plan.reason, plan.until)
    if plan.outcome is PlanOutcome.DELIVER:
        soonest = min(waiting, key=_until, default=None)
        if soonest is None:
            return _Outcome(NotificationStatus.PROCESSING, None, None)
        return _Outcome(NotificationStatus.PROCESSING, soonest.reason, soonest.until)
    ended = (
        NotificationStatus.EXPIRED
        if plan.outcome is PlanOutcome.EXPIRE
        else NotificationStatus.SKIPPED
    )
    used = [line.status for line in snapshot.deliveries if line.channel not in remaining]
    if used:
        ended = notification_status_of(used)
    return _Outcome(ended, plan.reason, None)


def _until(channel: ChannelPlan) -> datetime:
    if channel.until is None:
        raise ValueError("only deferred channels have an instant")
    return channel.until


def _ledger_lines(plan: Plan, snapshot: PlanningSnapshot) -> list[PlannedDelivery]:
    known = {(line.channel, line.target): line for line in snapshot.deliveries}
    lines = []
    for channel_plan in plan.channels:
        for target in _targets(channel_plan, snapshot):
            before = known.get((channel_plan.channel, target))
            status = _LINE_STATUS[channel_plan.outcome]
            if plan.outcome in {PlanOutcome.SKIP, PlanOutcome.EXPIRE}:
                status = DeliveryStatus.SKIPPED
            line = PlannedDelivery(
                id=before.id if before else new_id(),
                channel=channel_plan.channel,
                target=target,
                status=status,
                reason=None if channel_plan.outcome is GateOutcome.ALLOW else channel_plan.reason,
                until=channel_plan.until,
            )
            if not _same(before, line):
                lines.append(line)
    return lines


def _same(before: Delivery | None, line: PlannedDelivery) -> bool:
    return before is not None and (before.status, before.reason, before.until) == (
        line.status,
        line.reason,
        line.until,
    )


def _targets(channel_plan: ChannelPlan, snapshot: PlanningSnapshot) -> Sequence[str]:
    if channel_plan.channel is not Channel.PUSH:
        return (PRIMARY,)
    return tuple(str(device) for device in snapshot.device_ids) or (NO_DEVICE,)


def _events(
    plan: Plan, outcome: _Outcome, notification: Notification, now: datetime
) -> list[Event]:
    kind = {
        NotificationStatus.SCHEDULED: EventType.NOTIFICATION_SCHEDULED,
        NotificationStatus.SKIPPED: EventType.NOTIFICATION_SKIPPED,
        NotificationStatus.EXPIRED: EventType.NOTIFICATION_EXPIRED,
    }.get(outcome.status)
    if kind is None or (
        kind is EventType.NOTIFICATION_SCHEDULED
        and (notification.status, notification.reason, notification.until)
        == (outcome.status, outcome.reason, outcome.until)
    ):
        return []
    detail = {
        "reason": outcome.reason,
        "until": outcome.until.isoformat() if outcome.until else None,
        "channels": {c.channel: c.reason for c in plan.channels},
    }
    return [Event(kind, notification.user_id, now, notification.id, detail=detail)]
