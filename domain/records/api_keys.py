"""API keys, without their secrets."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from domain.enums import Scope


@dataclass(frozen=True, slots=True)
class ApiKey:
    id: UUID
    name: str
    prefix: str
    """The first characters of the key, to recognise it by."""
    scopes: frozenset[Scope]
    rate_limit: int | None
    """Calls a minute; None for the first key, which has no limit."""
    created_at: datetime
    expires_at: datetime | None = None
    revoked_at: datetime | None = None
    last_used_at: datetime | None = None
