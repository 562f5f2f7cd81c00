"""What does the user want of this category: whether, where, and one by one or gathered?

A gathering window is an hour by the user's clock, a day from 09:00 to 09:00, or a week from Monday
09:00. A notification belongs to the window in which it was accepted, or for which it was scheduled;
one that waits in a digest already, to the present one. A digest is never gathered itself.
"""

from datetime import datetime, time, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from domain.digests.shapes import DIGEST_TYPE
from domain.enums import Channel, DeliveryMode
from domain.facts import NotificationFacts, PlanFacts
from domain.plan_types import Decision
from domain.preferences import CategoryPreference
from domain.rules.decisions import allow, allow_with, bypass, digest, skip
from domain.rules.local_time import (
    DAY,
    clock,
    first_instant,
    full_hour_after,
    full_hour_before,
    zone_of,
)
from domain.rules.reasons import Reason

GATHERED_AT: Final = time(9, 0)

_REASONS: Final = {
    DeliveryMode.HOURLY: Reason.DIGEST_HOURLY,
    DeliveryMode.DAILY: Reason.DIGEST_DAILY,
    DeliveryMode.WEEKLY: Reason.DIGEST_WEEKLY,
}


def decide_category(facts: PlanFacts, channel: Channel) -> Decision:
    """Skips a category switched off, or not wanted on this channel."""
    category = facts.notification.category
    preference = facts.preferences.categories.get(category)
    if preference is None:
        return allow(Reason.CATEGORY_ALLOWED)
    wanted = preference.channels
    read: dict[str, Any] = {
        "category": category.value,
        "enabled": preference.enabled,
        "channels": None if wanted is None else sorted(c.value for c in wanted),
    }
    if not preference.enabled:
        return skip(Reason.CATEGORY_DISABLED, read)
    if wanted is not None and channel not in wanted:
        return skip(Reason.CATEGORY_CHANNEL_EXCLUDED, read)
    return allow_with(Reason.CATEGORY_ALLOWED, read)


def decide_category_delivery(facts: PlanFacts, _channel: Channel, at: datetime) -> Decision:
    """Gathers until the end of the notification's window; the window over, lets it go."""
    notification = facts.notification
    if notification.type == DIGEST_TYPE:
        return allow(Reason.IS_DIGEST)
    preference = facts.preferences.categories.get(notification.category)
    delivery = delivery_mode(preference, notification.digest_rule)
    if delivery is DeliveryMode.IMMEDIATE:
        return allow(Reason.IMMEDIATE_DELIVERY)
    passed = bypass(notification)
    if passed:
        return passed
    zone = zone_of(facts.timezone)
    begins_at, ends_at = digest_window(delivery, zone, at)
    read = {
        "delivery": delivery.value,
        "chosenBy": "user" if preference is not None and preference.delivery else "type",
        "timezone": facts.timezone,
        "localTime": clock(at.astimezone(zone)),
        "windowBeganAt": begins_at.isoformat(),
    }
    if _entered_at(notification) < begins_at:
        return allow_with(Reason.DIGEST_WINDOW_OVER, read)
    return digest(_REASONS[delivery], ends_at, read)


def delivery_mode(
    preference: CategoryPreference | None, digest_rule: DeliveryMode | None
) -> DeliveryMode:
    """What the user chose for the category, else the type's rule, else at once."""
    chosen = preference.delivery if preference else None
    return chosen or digest_rule or DeliveryMode.IMMEDIATE


def digest_window(mode: DeliveryMode, zone: ZoneInfo, at: datetime) -> tuple[datetime, datetime]:
    """The gathering window, begin included and end excluded, that holds `at`."""
    if mode is DeliveryMode.HOURLY:
        return full_hour_before(at, zone), full_hour_after(at, zone)
    day = at.astimezone(zone).date()
    step = DAY
    if mode is DeliveryMode.WEEKLY:
        day -= timedelta(days=day.weekday())
        step = timedelta(days=7)
    middle = first_instant(day, GATHERED_AT, zone)
    if middle <= at:
        return middle, first_instant(day + step, GATHERED_AT, zone)
    return first_instant(day - step, GATHERED_AT, zone), middle


def _entered_at(notification: NotificationFacts) -> datetime:
    known = (notification.accepted_at, notification.scheduled_at, notification.gathered_at)
    return max(instant for instant in known if instant is not None)
