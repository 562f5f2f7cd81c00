"""Reading: what a plan is decided on.

A snapshot of the notification and its user, what their limits have counted, and whether another
notification said the same. A user's plans wait for each other only where a limit could matter.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from uuid import UUID

from domain.digests.shapes import DIGESTED
from domain.enums import Channel, DeliveryStatus, Priority
from domain.facts import Hold, NotificationFacts, PlanFacts, Usage
from domain.ports.planning import PlanningSnapshot
from domain.ports.storage import Transaction
from domain.records.notifications import Notification
from domain.rules.reasons import Reason

DEDUP_WINDOW = timedelta(hours=1)
USAGE_WINDOW = timedelta(days=7)
HOLD_CHECK = timedelta(minutes=15)
"""How long a paused part is taken at its word; resuming wakes what waits long before."""

Throttles = Mapping[Channel, tuple[int, timedelta]]


class FactReader:
    def __init__(self, throttles: Throttles) -> None:
        self._throttles = throttles

    async def read(
        self,
        tx: Transaction,
        snapshot: PlanningSnapshot,
        remaining: tuple[Channel, ...],
        now: datetime,
    ) -> PlanFacts:
        """Claims the notification's content for it as it looks for another that says the same."""
        notification = snapshot.notification
        usage: tuple[Usage, ...] = ()
        if self.is_limited(snapshot, remaining):
            await tx.planning.lock_usage(notification.user_id)
            usage = await tx.planning.usage(
                notification.user_id, now - USAGE_WINDOW, notification.id
            )
        duplicate = None
        if claims_content(notification):
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


def claims_content(notification: Notification) -> bool:
    """One that was tried or redriven is what it is, whatever was said since."""
    return notification.first_intent_at is None and not notification.redrives


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
