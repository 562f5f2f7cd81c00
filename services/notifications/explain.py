"""Explaining: every plan with every gate, and everything that happened, in order."""

from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import Field

from domain.base import Wire
from domain.digests.shapes import DIGESTED
from domain.enums import Channel, NotificationStatus, PlanOutcome, PlanTrigger
from domain.errors import notification_not_found
from domain.plan_types import GateTrace
from domain.ports.storage import Transaction, UnitOfWork
from domain.records.events import Event
from domain.records.notifications import NotificationView, PlanRecord
from domain.rules.summary import plan_sentence


class ExplainedPlan(Wire):
    at: datetime
    trigger: PlanTrigger
    outcome: PlanOutcome
    reason: str
    until: datetime | None
    gates: tuple[GateTrace, ...]


class TimelineEntry(Wire):
    at: datetime
    event: str
    channel: Channel | None
    detail: dict[str, Any] = Field(default_factory=dict)


class Explanation(Wire):
    """Why a notification is where it is. Holds no address and no content."""

    notification_id: UUID
    status: NotificationStatus
    digest_id: UUID | None = None
    """The digest in which it went out."""
    summary: str
    plans: tuple[ExplainedPlan, ...]
    timeline: tuple[TimelineEntry, ...]


class ExplainService:
    def __init__(self, uow: UnitOfWork) -> None:
        self._uow = uow

    async def explain(self, notification_id: UUID) -> Explanation:
        """Raises `NotFound`."""
        async with self._uow() as tx:
            view = await tx.notifications.get(notification_id)
            if view is None:
                raise notification_not_found(notification_id)
            plans = await tx.notifications.plans(notification_id)
            events = await tx.events.timeline(notification_id)
            timezone = await timezone_of(tx, view.notification.user_id)
        return Explanation(
            notification_id=notification_id,
            status=view.notification.status,
            digest_id=view.notification.digest_id,
            summary=summary_of(view, plans, timezone),
            plans=tuple(
                ExplainedPlan(
                    at=record.at,
                    trigger=record.trigger,
                    outcome=record.plan.outcome,
                    reason=record.plan.reason,
                    until=record.plan.until,
                    gates=record.plan.gates,
                )
                for record in plans
            ),
            timeline=tuple(_entry(event) for event in events),
        )


async def timezone_of(tx: Transaction, user_id: str) -> str:
    """In which the user is told times: the one chosen, or where they live."""
    user = await tx.users.get(user_id)
    if user is None:
        return "UTC"
    preferences = await tx.users.preferences(user_id)
    return preferences.timezone or user.timezone or "UTC"


def _entry(event: Event) -> TimelineEntry:
    return TimelineEntry(
        at=event.at, event=event.type, channel=event.channel, detail=dict(event.detail)
    )


_FIXED_SENTENCES = {
    NotificationStatus.ACCEPTED: "Accepted and about to be planned.",
    NotificationStatus.CANCELLED: "Cancelled before sending.",
    NotificationStatus.EXPIRED: "It expired before it could be sent, so nothing was sent.",
}


def summary_of(view: NotificationView, plans: tuple[PlanRecord, ...], timezone: str) -> str:
    """One sentence a support person can read out."""
    status = view.notification.status
    if status in _FIXED_SENTENCES:
        return _FIXED_SENTENCES[status]
    if status in {NotificationStatus.SENT, NotificationStatus.DELIVERED}:
        return _sent_sentence(view)
    if status is NotificationStatus.DIGESTED:
        return f"It went out with others in the digest {view.notification.digest_id}."
    if status is NotificationStatus.FAILED:
        return _failed_sentence(view)
    if plans:
        return plan_sentence(plans[-1].plan, timezone)
    return f"The notification is {status}."


def _sent_sentence(view: NotificationView) -> str:
    parts = []
    for line in view.deliveries:
        if line.status.has_left:
            by = f" by {line.provider}" if line.provider else ""
            if line.given_up:
                by += f" after {' and '.join(line.given_up)} failed"
            parts.append(f"{line.channel}{by} ({line.status})")
    others = [
        f"{line.channel} {line.status}{f' ({line.reason})' if line.reason else ''}"
        for line in view.deliveries
        if not line.status.has_left and line.reason != DIGESTED
    ]
    tail = f"; not on {', '.join(others)}" if others else ""
    digested = [line.channel for line in view.deliveries if line.reason == DIGESTED]
    if digested:
        tail += f"; {', '.join(digested)} in the digest {view.notification.digest_id}"
    return f"Sent on {', '.join(parts)}{tail}."


def _failed_sentence(view: NotificationView) -> str:
    reasons = [
        f"{line.channel}: {line.error_message or line.error_code or line.reason or line.status}"
        for line in view.deliveries
        if not line.status.has_left
    ]
    return f"Not sent. {'; '.join(reasons) or view.notification.reason or 'No channel was left'}."
