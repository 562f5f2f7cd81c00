"""What all workers know together of the providers: which are down, how fast each may go."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Protocol
from uuid import UUID


class BreakerState(StrEnum):
    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half_open"
    """One call is let through to see."""


@dataclass(frozen=True, slots=True)
class BreakerView:
    state: BreakerState
    failures: int
    """In a row, as far as they are remembered."""
    opens_for: timedelta = timedelta(0)
    """How long nobody calls; zero unless open."""


class Breakers(Protocol):
    """A circuit breaker for each provider account, shared by all processes. Without its store
    every circuit is closed: a provider that is down is then found out by each delivery."""

    async def rest(self, providers: Sequence[str]) -> Mapping[str, timedelta]:
        """Providers that are not to be called, and for how long. Asking for one whose rest is
        over takes the one trial call that is let through."""

    async def note(self, provider: str, *, healthy: bool) -> None:
        """How a call ended, as far as the provider's own condition shows in it."""

    async def view(self, provider: str) -> BreakerView: ...


class ProviderLimits(Protocol):
    """Calls a second for each provider account, shared by all processes."""

    async def reserve(
        self, provider: str, delivery_id: UUID, *, urgent: bool, count: int = 1
    ) -> timedelta:
        """Zero when the call may be made now; else how long to wait for the place in the line
        that is kept for this delivery. What is urgent does not queue, and is counted. `count`
        messages may share one place."""

    async def pace(
        self,
        line: str,
        rate: float,
        place: UUID,
        *,
        urgent: bool = False,
        count: int = 1,
        keep: bool = False,
    ) -> timedelta:
        """The same for any line with a `rate` of its own, such as a campaign's; per second. Who is
        to `keep` a place has it for a while after it was granted too, and pays once."""
