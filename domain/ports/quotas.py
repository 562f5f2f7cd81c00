"""How many calls a caller may make."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol


@dataclass(frozen=True, slots=True)
class QuotaAnswer:
    allowed: bool
    limit: int
    remaining: int
    reset: timedelta
    retry_after: timedelta


class Quotas(Protocol):
    async def take(self, caller: str, limit_per_minute: int) -> QuotaAnswer:
        """Counts one call. When the counter is away the call is allowed."""
