"""Is Herald able to work? Each part is asked at once, and none may hold up the answer."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Final

PATIENCE: Final = timedelta(seconds=2)


class Readiness(StrEnum):
    READY = "ready"
    DEGRADED = "degraded"
    """Something is away that Herald can wait for."""
    UNAVAILABLE = "unavailable"


@dataclass(frozen=True, slots=True)
class Check:
    """`probe` returns when the part is well and raises when it is not."""

    name: str
    probe: Callable[[], Awaitable[object]]
    needed: bool = False
    """Whether nothing works without it."""


@dataclass(frozen=True, slots=True)
class CheckResult:
    name: str
    up: bool
    needed: bool
    latency: timedelta
    error: str | None = None


@dataclass(frozen=True, slots=True)
class Health:
    status: Readiness
    checks: tuple[CheckResult, ...]


class HealthService:
    def __init__(self, checks: Sequence[Check]) -> None:
        self._checks = tuple(checks)

    async def check(self) -> Health:
        results = await asyncio.gather(*(_run(check) for check in self._checks))
        if all(result.up for result in results):
            status = Readiness.READY
        elif any(result.needed and not result.up for result in results):
            status = Readiness.UNAVAILABLE
        else:
            status = Readiness.DEGRADED
        return Health(status, tuple(results))


async def _run(check: Check) -> CheckResult:
    start = time.perf_counter()
    error = None
    try:
        async with asyncio.timeout(PATIENCE.total_seconds()):
            await check.probe()
    except Exception as problem:
        error = type(problem).__name__
    latency = timedelta(seconds=time.perf_counter() - start)
    return CheckResult(check.name, error is None, check.needed, latency, error)
