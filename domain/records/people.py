"""Users, what they chose, and where nothing is sent to them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from domain.enums import Channel, ConsentType, Platform, PushVendor


@dataclass(frozen=True, slots=True)
class User:
    id: str
    created_at: datetime
    updated_at: datetime
    email: str | None = None
    email_verified: bool = False
    phone: str | None = None
    """E.164."""
    name: str | None = None
    locale: str | None = None
    timezone: str | None = None
    country: str | None = None
    attributes: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Device:
    id: UUID
    user_id: str
    token: str
    platform: Platform
    provider: PushVendor
    created_at: datetime
    last_seen_at: datetime
    app_version: str | None = None
    locale: str | None = None


@dataclass(frozen=True, slots=True)
class Subscription:
    """Channels a user chose for a type. No channels: unsubscribed."""

    user_id: str
    type: str
    channels: tuple[Channel, ...]
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class Consent:
    user_id: str
    type: ConsentType
    granted: bool
    source: str
    text: str | None
    at: datetime


@dataclass(frozen=True, slots=True)
class Suppression:
    """An address nothing is sent to. `address` is known only where the caller gave it."""

    id: UUID
    channel: Channel
    reason: str
    source: str
    created_at: datetime
    user_id: str | None = None
    address: str | None = None
    expires_at: datetime | None = None
