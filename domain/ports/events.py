"""The event log, and the outbox of what workflows are still to be told."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol
from uuid import UUID

from domain.records.events import Event, PendingSignal


class EventRepository(Protocol):
    async def append(self, events: Sequence[Event]) -> None: ...

    async def timeline(self, notification_id: UUID) -> tuple[Event, ...]: ...


class SignalOutbox(Protocol):
    async def add(self, signals: Sequence[PendingSignal]) -> None: ...

    async def claim(
        self, *, older_than: datetime, again_before: datetime, limit: int
    ) -> tuple[PendingSignal, ...]: ...

    async def done(self, ids: Sequence[UUID]) -> None: ...
