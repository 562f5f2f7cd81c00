"""A service of one's own behind a test's real activity: tests that follow a script."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

from domain.ab.definition import ABTestStatus
from domain.ab.messages import ABTestLook, ABTestStep
from domain.errors import NotFound
from domain.ids import new_id

DECIDED, STOPPED = ABTestStatus.DECIDED, ABTestStatus.STOPPED


@dataclass
class ABCase:
    """One test; `after`: when its metric decides, counted from the first look."""

    after: timedelta | None = None
    failures: list[Exception] = field(default_factory=list)
    """What the first looks end with."""
    id: UUID = field(default_factory=new_id)
    status: ABTestStatus = ABTestStatus.RUNNING
    winner: int | None = None
    start: datetime | None = None
    looks: list[timedelta] = field(default_factory=list)
    """Each look's instant after the first."""

    def end(self, status: ABTestStatus, winner: int | None = None) -> None:
        """By hand."""
        self.status, self.winner = status, winner


class ABCases:
    """Stands where ABTestService stands."""

    def __init__(self) -> None:
        self._cases: dict[UUID, ABCase] = {}

    def add(self, *cases: ABCase) -> Sequence[ABCase]:
        self._cases |= {case.id: case for case in cases}
        return cases

    async def look(self, command: ABTestLook) -> ABTestStep:
        case = self._cases.get(command.test_id)
        if case is None:
            raise NotFound("ab_test_not_found", "No such test.")
        if case.failures:
            raise case.failures.pop(0)
        case.start = case.start or command.now
        at = command.now - case.start
        case.looks.append(at)
        if case.status is ABTestStatus.RUNNING and case.after is not None and at >= case.after:
            case.end(DECIDED, 1)
        return ABTestStep(
            status=case.status,
            ended=case.status in {DECIDED, STOPPED},
            decide_at=None if case.after is None else case.start + case.after,
            winner=case.winner,
        )
