"""The event log, and what workflows are still to be told."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from domain.enums import Channel, EventType


@dataclass(frozen=True, slots=True)
class Event:
    """One line of the event log. `detail` is JSON-ready and free of personal data."""

    type: EventType
    user_id: str
    at: datetime
    notification_id: UUID | None = None
    channel: Channel | None = None
    detail: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class PendingSignal:
    """Something a waiting workflow is to hear of; kept until it was told."""

    id: UUID
    notification_id: UUID
    redrives: int
    kind: str
    created_at: datetime
