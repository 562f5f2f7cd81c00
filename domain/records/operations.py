"""What operators see and change."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from domain.enums import Channel


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A final failure that waits for a person: redrive or discard."""

    id: UUID
    notification_id: UUID
    delivery_id: UUID | None
    user_id: str
    type: str
    channel: Channel | None
    provider: str | None
    code: str
    message: str
    created_at: datetime
    status: str = "open"
    """`open`, `redriven`, `discarded`, or `resolved`: the provider told later that it left."""
    resolved_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class AuditEntry:
    at: datetime
    actor: str
    action: str
    subject: str
    detail: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class PausedPart:
    """A channel (`channel:email`) or provider (`provider:resend`) an operator paused."""

    name: str
    at: datetime
    divert: bool = False
    """Of a provider: its messages go by the next one instead of waiting."""
