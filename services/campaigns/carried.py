"""Notifications that carry a campaign's messages on: what is heard of them, in its accounts.

Whose message one carries is read from the notification itself, so that all the others cost
nothing. The caller's transaction holds the notifications' locks, as everyone does who writes what
is heard of these lines.
"""

from collections.abc import Iterable
from datetime import datetime

from domain.callbacks import EngagementKind
from domain.campaigns.heard import ENGAGED, outcome_of
from domain.campaigns.ids import carried_line
from domain.ports.storage import Transaction
from domain.records.notifications import Delivery, Notification


async def note_outcome(
    tx: Transaction, notification: Notification, deliveries: Iterable[Delivery], at: datetime
) -> None:
    """`deliveries`: all of the notification's, as they stand now."""
    line = carried_line(notification.id, notification.dedup_key)
    if line is not None:
        await tx.campaigns.put_outcome(line, outcome_of(one.status for one in deliveries), at)


async def note_engaged(
    tx: Transaction, notifications: Iterable[Notification], kind: EngagementKind, at: datetime
) -> None:
    if kind not in ENGAGED:
        return
    found = (carried_line(one.id, one.dedup_key) for one in notifications)
    lines = [line for line in found if line is not None]
    if lines:
        await tx.campaigns.engaged(lines, ENGAGED[kind], at)
