"""Telling waiting notifications that what their plans rest on has changed.

The signals are written with the change they tell of, so that none is lost between the two; after
the commit they are handed on at once, and the relay repeats what did not arrive.
"""

from collections.abc import Sequence

from domain.enums import EventType
from domain.ids import new_id
from domain.messages import SignalKind
from domain.ports.runtime import Clock, Starter
from domain.ports.storage import Transaction
from domain.records.events import Event, PendingSignal


class Replanning:
    def __init__(self, starter: Starter, clock: Clock) -> None:
        self._starter = starter
        self._clock = clock

    async def note(self, tx: Transaction, user_id: str, changed: str) -> Sequence[PendingSignal]:
        """In the changing transaction: one signal for each open notification, and the event.
        `changed` says what: `preferences`, `profile`, `consent`, `subscription`."""
        now = self._clock()
        signals = [
            PendingSignal(new_id(), row, redrives, SignalKind.PREFERENCES_CHANGED, now)
            for row, redrives in await tx.users.open_notifications(user_id)
        ]
        if signals:
            await tx.signals.add(signals)
        await tx.events.append(
            [
                Event(
                    EventType.USER_PREFERENCES_UPDATED,
                    user_id,
                    now,
                    detail={"changed": changed},
                )
            ]
        )
        return signals

    def tell(self, signals: Sequence[PendingSignal]) -> None:
        """After the commit."""
        for signal in signals:
            self._starter.signal(signal.id, signal.notification_id, signal.redrives, signal.kind)
