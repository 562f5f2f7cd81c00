"""Planning: read the facts once, let the pure rules decide, write what they said.

One transaction. The plan's instant is the workflow's own clock, handed in, so that a plan made
in skipped time is right. A plan whose notification was cancelled, amended or ended meanwhile
writes nothing and says so.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from uuid import UUID

from domain.digests.shapes import DIGESTED
from domain.enums import (
    Channel,
    DeliveryStatus,
    EventType,
    GateOutcome,
    NotificationStatus,
    PlanOutcome,
    PlanTrigger,
    Priority,
)
from domain.errors import Conflict
from domain.facts import Hold, NotificationFacts, PlanFacts, Usage
from domain.ids import new_id
from domain.messages import FinishInput, PlanInput, PlanResult
from domain.plan import make_plan
from domain.plan_types import ChannelPlan, Plan
from domain.ports.bulk import PlanDraft
from domain.ports.planning import PlannedDelivery, PlanningSnapshot
from domain.ports.storage import Transaction, UnitOfWork
from domain.records import Delivery, Event, Notification
from domain.rules.reasons import Reason
from domain.rules.summary import plan_sentence
from domain.sms.limits import DEFAULT_LIMITS, NumberLimit
from domain.status import notification_status_of
from services.digests.gathering import Gathering
from services.notifications.cancel import not_found

DEDUP_WINDOW = timedelta(hours=1)
USAGE_WINDOW = timedelta(days=7)
HOLD_CHECK = timedelta(minutes=15)
"""How long a paused part is taken at its word; resuming wakes what waits long before."""
PRIMARY = "primary"
NO_DEVICE = "none"

Throttles = Mapping[Channel, tuple[int, timedelta]]


@dataclass(frozen=True, slots=True)
class _Outcome:
    status: NotificationStatus
    reason: str | None
    until: datetime | None


class PlanService:
    def __init__(
        self,
        uow: UnitOfWork,
        throttles: Throttles,
        number_limits: Sequence[NumberLimit] = DEFAULT_LIMITS,
    ) -> None:
        self._uow = uow
        self._throttles = throttles
        self._number_limits = number_limits

    async def plan(self, command: PlanInput) -> PlanResult:
        """Plans the channels not used up yet. Raises `NotFound`; `Conflict("plan_overtaken")`
        when the notification changed while the rules were thinking: plan again."""
        async with self._uow() as tx:
            snapshot = await tx.planning.load(command.notification_id)
            if snapshot is None:
                raise not_found(command.notification_id)
            remaining = remaining_channels(snapshot)
            if snapshot.notification.cancel_requested_at or not remaining:
                return _ended(snapshot.notification)
            facts = await self._facts(tx, snapshot, remaining, command.now)
            plan = await self.within_number_limits(tx, snapshot, facts, command.now)
            outcome = _outcome_of(plan, snapshot, remaining)
            gathering = Gathering.of(plan, snapshot)
            await gathering.lock(tx)
            saved = await tx.planning.save(
                snapshot.notification,
                status=outcome.status,
                reason=outcome.reason,
                until=outcome.until,
                plan=plan,
                trigger=command.trigger,
                at=command.now,
                deliveries=_ledger_lines(plan, snapshot),
                events=_events(plan, outcome, snapshot.notification, command.now),
            )
            if not saved:
                raise Conflict("plan_overtaken", "The notification changed while it was planned.")
            await tx.planning.reserve_usage(
                snapshot.notification.user_id,
                [
                    Usage(snapshot.notification.id, snapshot.notification.category, c, command.now)
                    for c in plan.ready()
                ],
            )
            hand_over = await gathering.keep(tx)
            result = _result(plan, outcome, snapshot, facts.timezone, command.now)
            return result.model_copy(
                update={"gathered": gathering.gathered is not None, "hand_over": hand_over}
            )

    async def finish(self, command: FinishInput) -> None:
        """Closes channels held in reserve that are no longer needed."""
        async with self._uow() as tx:
            notification = await tx.notifications.lock(command.notification_id)
            if notification is None:
                raise not_found(command.notification_id)
            await tx.deliveries.close_open(
                command.notification_id, DeliveryStatus.SKIPPED, command.reason
            )
            lines = await tx.deliveries.of(command.notification_id)
            status = notification_status_of([line.status for line in lines])
            await tx.notifications.set_status(
                command.notification_id, status, reason=notification.reason
            )

    async def _facts(
        self,
        tx: Transaction,
        snapshot: PlanningSnapshot,
        remaining: tuple[Channel, ...],
        now: datetime,
    ) -> PlanFacts:
        notification = snapshot.notification
        usage: tuple[Usage, ...] = ()
        if self.is_limited(snapshot, remaining):
            await tx.planning.lock_usage(notification.user_id)
            usage = await tx.planning.usage(
                notification.user_id, now - USAGE_WINDOW, notification.id
            )
        duplicate = None
        if notification.first_intent_at is None and not notification.redrives:
            duplicate = await tx.planning.claim_content(notification, DEDUP_WINDOW)
        return self.facts_of(snapshot, remaining, now, usage, duplicate)

    def facts_of(
        self,
        snapshot: PlanningSnapshot,
        remaining: tuple[Channel, ...],
        now: datetime,
        usage: tuple[Usage, ...],
        duplicate: UUID | None,
    ) -> PlanFacts:
        """What the rules see of what was read."""
        return PlanFacts(
            notification=_notification_facts(snapshot, remaining, now),
            preferences=snapshot.preferences,
            timezone=snapshot.preferences.timezone or snapshot.user_timezone or "UTC",
            consents=snapshot.consents,
            subscription=snapshot.subscription,
            reach=snapshot.reach,
            usage=usage,
            throttles=self._throttles,
            duplicate_of=duplicate,
            holds=_holds(snapshot, remaining, now),
        )

    async def within_number_limits(
        self, tx: Transaction, snapshot: PlanningSnapshot, facts: PlanFacts, now: datetime
    ) -> Plan:
        """The plan, made once more when it would send an SMS to a number that has had enough."""
        plan = make_plan(facts, now)
        if Channel.SMS not in plan.ready() or snapshot.phone_hash is None:
            return plan
        critical = snapshot.notification.priority is Priority.CRITICAL
        free_at = await tx.sms_usage.reserve(
            snapshot.phone_hash,
            snapshot.notification.id,
            now,
            () if critical else self._number_limits,
        )
        return plan if free_at is None else make_plan(replace(facts, number_free_at=free_at), now)

    def is_limited(self, snapshot: PlanningSnapshot, remaining: tuple[Channel, ...]) -> bool:
        """Whether any cap or throttle could matter; only then are a user's plans serialised."""
        if snapshot.notification.priority is Priority.CRITICAL or snapshot.notification.send_now:
            return False
        frequency = snapshot.preferences.frequency
        caps = [frequency]
        category = frequency.categories.get(snapshot.notification.category)
        return any(channel in self._throttles for channel in remaining) or any(
            limit is not None
            for cap in [*caps, *([category] if category else [])]
            for limit in (cap.max_per_hour, cap.max_per_day, cap.max_per_week)
        )


def remaining_channels(snapshot: PlanningSnapshot) -> tuple[Channel, ...]:
    """Channels on which no provider was asked yet. A channel an earlier plan skipped may be
    open again now, as long as the notification itself is."""
    again = {DeliveryStatus.PENDING, DeliveryStatus.DEFERRED, DeliveryStatus.SKIPPED}
    used = {
        line.channel
        for line in snapshot.deliveries
        if line.status not in again or line.reason == DIGESTED
    }
    if not snapshot.notification.status.is_open and not any(
        line.status.is_open for line in snapshot.deliveries
    ):
        return ()
    return tuple(c for c in snapshot.notification.channels if c not in used)


def _holds(
    snapshot: PlanningSnapshot, remaining: tuple[Channel, ...], now: datetime
) -> dict[Channel, Hold]:
    """Channels that are paused themselves, or whose provider was found paused at delivery; all
    while the campaign is paused that it is part of."""
    if not snapshot.paused:
        return {}
    if "campaign" in snapshot.paused:
        return dict.fromkeys(remaining, Hold("campaign", now + HOLD_CHECK))
    parts = {channel: f"channel:{channel}" for channel in remaining}
    holds = {c: Hold(p, now + HOLD_CHECK) for c, p in parts.items() if p in snapshot.paused}
    for line in snapshot.deliveries:
        part = f"provider:{line.provider}"
        held = line.reason == Reason.PROVIDER_PAUSED and part in snapshot.paused
        if held and line.channel in remaining:
            holds.setdefault(line.channel, Hold(part, now + HOLD_CHECK))
    return holds


def _notification_facts(
    snapshot: PlanningSnapshot, remaining: tuple[Channel, ...], now: datetime
) -> NotificationFacts:
    notification = snapshot.notification
    gathered = snapshot.gathered_until is not None and snapshot.gathered_until > now
    return NotificationFacts(
        id=notification.id,
        user_id=notification.user_id,
        type=notification.type,
        category=notification.category,
        priority=notification.priority,
        strategy=notification.strategy,
        channels=remaining,
        accepted_at=notification.created_at,
        scheduled_at=notification.scheduled_at,
        expires_at=notification.expires_at,
        legally_transactional=snapshot.type.legally_transactional,
        required_consent=snapshot.type.required_consent,
        digest_rule=snapshot.type.digest_rule,
        gathered_at=now if gathered else None,
        send_now=notification.send_now,
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


def _until(channel: ChannelPlan) -> datetime:
    if channel.until is None:
        raise ValueError("only deferred channels have an instant")
    return channel.until


_LINE_STATUS = {
    GateOutcome.ALLOW: DeliveryStatus.PENDING,
    GateOutcome.HOLD: DeliveryStatus.PENDING,
    GateOutcome.DEFER: DeliveryStatus.DEFERRED,
    GateOutcome.DIGEST: DeliveryStatus.DEFERRED,
    GateOutcome.SKIP: DeliveryStatus.SKIPPED,
}


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


def _result(
    plan: Plan, outcome: _Outcome, snapshot: PlanningSnapshot, timezone: str, now: datetime
) -> PlanResult:
    notification = replace(snapshot.notification, status=outcome.status)
    if plan.outcome in {PlanOutcome.SKIP, PlanOutcome.EXPIRE}:
        ended = _ended(notification)
        return ended.model_copy(update={"summary": plan_sentence(plan, timezone, now=now)})
    # What is gathered is the digest's to wait for.
    waits = [c.until for c in plan.channels if c.until and c.outcome is GateOutcome.DEFER]
    return PlanResult(
        status=outcome.status,
        ended=False,
        strategy=notification.strategy,
        ready=plan.ready(),
        wait_until=min(waits, default=None),
        escalate_after=notification.escalate_after,
        held=tuple(c.channel for c in plan.channels if c.outcome is GateOutcome.HOLD),
        expires_at=notification.expires_at,
        priority=notification.priority,
        summary=plan_sentence(plan, timezone, now=now),
    )


def _ended(notification: Notification) -> PlanResult:
    return PlanResult(
        status=notification.status,
        ended=True,
        strategy=notification.strategy,
        expires_at=notification.expires_at,
        summary=f"Ended: {notification.status}.",
    )
