"""Faults a test or an operator switches on: which calls they hit, and how often."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from itertools import count
from typing import Any, Literal

FaultKind = Literal["status", "delay", "drop_response", "reset"]
CallKind = Literal["send", "ask"]


@dataclass(slots=True)
class Fault:
    """One misbehaviour of one vendor."""

    id: int
    provider: str
    kind: FaultKind
    status: int | None = None
    retry_after: int | None = None
    """Seconds for the Retry-After header."""
    delay_ms: int | None = None
    times: int | None = None
    """Calls left to hit; None hits until cleared."""
    to: str | None = None
    """Only calls about this recipient."""
    on: Literal["send", "ask", "any"] = "send"
    """Calls that send, calls that ask about what was sent, or both."""
    hits: int = 0

    def public(self) -> dict[str, Any]:
        """The shape of `GET /faults`."""
        names = {"retry_after": "retryAfter", "delay_ms": "delayMs"}
        return {names.get(name, name): value for name, value in asdict(self).items()}

    def meets(self, provider: str, call: CallKind, recipients: Sequence[str]) -> bool:
        if self.provider != provider or self.on not in (call, "any") or self.times == 0:
            return False
        wanted = self.to.lower() if self.to else None
        return wanted is None or any(wanted == recipient.lower() for recipient in recipients)


@dataclass(frozen=True, slots=True)
class Strike:
    """What the faults make of one call: wait this long, then suffer this fault, if any."""

    delay: float = 0.0
    """Seconds."""
    fault: Fault | None = None


NO_STRIKE = Strike()


class Faults:
    """The faults in force, in the order they were added."""

    def __init__(self) -> None:
        self._faults: list[Fault] = []
        self._ids = count(1)

    def add(self, provider: str, kind: FaultKind, **facts: Any) -> Fault:
        fault = Fault(id=next(self._ids), provider=provider, kind=kind, **facts)
        self._faults.append(fault)
        return fault

    def active(self) -> list[Fault]:
        return [fault for fault in self._faults if fault.times != 0]

    def clear(self, provider: str | None = None) -> None:
        self._faults = [f for f in self._faults if provider and f.provider != provider]

    def strike(self, provider: str, call: CallKind, recipients: Sequence[str]) -> Strike:
        """Every delay that fits and the first fault of another kind, each used up by one."""
        if not self._faults:
            return NO_STRIKE
        delay = 0.0
        chosen: Fault | None = None
        for fault in self._faults:
            if not fault.meets(provider, call, recipients):
                continue
            if fault.kind != "delay":
                if chosen is not None:
                    continue
                chosen = fault
            delay += (fault.delay_ms or 0) / 1000
            fault.hits += 1
            if fault.times is not None:
                fault.times -= 1
        return Strike(delay, chosen)
