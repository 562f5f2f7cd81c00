"""A/B tests as they are kept, and what is asked of their storage and their workflows."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol
from uuid import UUID

from domain.ab.assignment import Split
from domain.ab.decision import Decision
from domain.ab.definition import ABDesign, ABMetric, ABTestStatus
from domain.paging import Page, PageRequest


@dataclass(frozen=True, slots=True)
class ABTest:
    id: UUID
    name: str
    type: str | None
    """The only type of notification it is for; None: any."""
    status: ABTestStatus
    design: ABDesign
    created_at: datetime
    updated_at: datetime
    started_at: datetime | None = None
    decide_at: datetime | None = None
    """When the metric decides; None for a draft, and where that is done by hand."""
    ended_at: datetime | None = None
    """When it was decided or stopped."""
    decision: Decision | None = None

    @property
    def split(self) -> Split:
        return Split.of(str(self.id), self.design.weights, self.design.fraction)


@dataclass(frozen=True, slots=True)
class ABLink:
    """A notification that carries a variant to a user."""

    notification_id: UUID
    test_id: UUID
    user_id: str
    variant: int
    at: datetime


@dataclass(frozen=True, slots=True)
class ABOutcome:
    test_id: UUID
    user_id: str
    metric: ABMetric
    at: datetime
    value: float | None = None


@dataclass(frozen=True, slots=True)
class ABCount:
    """How many users of one variant; `metric` None: all that were assigned to it."""

    variant: int
    metric: ABMetric | None
    users: int
    value: float | None = None


class WorkflowCall(StrEnum):
    """What a test's workflow has yet to be told."""

    START = "start"
    WAKE = "wake"


class ABTestRepository(Protocol):
    async def insert(self, test: ABTest) -> None: ...

    async def get(self, test_id: UUID) -> ABTest | None: ...

    async def list(self, status: ABTestStatus | None, page: PageRequest) -> Page[ABTest]:
        """Newest first."""

    async def start(self, test_id: UUID, at: datetime, decide_at: datetime | None) -> bool:
        """True when it was a draft until now."""

    async def decide(self, test_id: UUID, decision: Decision) -> bool:
        """True when it was running until now. Its workflow is to be woken."""

    async def stop(self, test_id: UUID, at: datetime) -> bool:
        """True when it was a draft or running until now. Its workflow is to be woken."""

    async def assign(self, test_id: UUID, user_id: str, variant: int, at: datetime) -> int | None:
        """Remembers a variant, if the test is running and the user has none. The user's variant
        from here on; None when there is none."""

    async def assigned(self, pairs: Sequence[tuple[UUID, str]]) -> dict[tuple[UUID, str], int]:
        """The remembered variant of each (test, user) that has one."""

    async def link(self, links: Sequence[ABLink]) -> None:
        """Assigns as `assign` does, and remembers which notification carries what."""

    async def add_outcome(self, outcome: ABOutcome) -> bool | None:
        """True when it is the user's first of this metric, False when not; None, and nothing
        kept, for a user who was never assigned."""

    async def engaged(
        self, notification_ids: Sequence[UUID], metrics: Sequence[ABMetric], at: datetime
    ) -> None:
        """Outcomes of the users of these notifications, as far as they carry a test's variant to
        somebody who takes part in it."""

    async def counts(self, test_id: UUID) -> tuple[ABCount, ...]: ...

    async def claim_calls(
        self, *, again_before: datetime, limit: int
    ) -> tuple[tuple[UUID, WorkflowCall], ...]:
        """Workflows to be told something, not claimed since `again_before`; marks them claimed.
        SKIP LOCKED: any number of relays."""

    async def called(self, test_id: UUID, call: WorkflowCall) -> None:
        """Temporal has heard; a later call stays."""


class ABTestGateway(Protocol):
    """The workflows of tests as the services see them."""

    async def start_ab_test(self, test_id: UUID) -> None:
        """Starts the workflow once; a second call finds it. Raises `Unavailable`."""

    async def wake_ab_test(self, test_id: UUID) -> None:
        """Has it look at the database. One that has ended needs no telling. Raises
        `Unavailable`."""
