"""What is noted of notifications that were read in the inbox, whoever marked them, and how many."""

from collections.abc import Sequence
from datetime import datetime

from domain.ab.definition import ABMetric
from domain.callbacks import EngagementKind
from domain.campaigns.ids import carried_line
from domain.enums import Channel, EventType
from domain.ports.storage import Transaction
from domain.records.events import Event
from domain.records.notifications import Notification
from services.campaigns.carried import note_engaged


async def note_reads(tx: Transaction, read: Sequence[Notification], at: datetime) -> None:
    """`read`: those that were unread until now, locked by the caller's transaction."""
    if not read:
        return
    kind = EventType.NOTIFICATION_READ
    await tx.events.append(
        [Event(kind, one.user_id, at, one.id, Channel.WEBSOCKET) for one in read]
    )
    await tx.ab_tests.engaged([one.id for one in read], [ABMetric.READ], at)
    lines = [(one.id, carried_line(one.id, one.dedup_key)) for one in read]
    await tx.engagement.add_reads([(one, line and line.campaign_id) for one, line in lines], at)
    await note_engaged(tx, read, EngagementKind.READ, at)
