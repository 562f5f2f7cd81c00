"""A/B tests, assignments and results as callers see them."""

from datetime import datetime, timedelta
from uuid import UUID

from pydantic import Field

from api.schemas.common import Paged
from domain.ab.decision import Decision
from domain.ab.definition import ABMetric, ABTestStatus, Variant, VariantName, WinnerMode
from domain.ab.results import MetricResult
from domain.base import UserId, Wire
from domain.ports.ab_tests import ABTest
from services.ab.service import Assignment, Results, Standing


class ABTestQuery(Paged):
    status: ABTestStatus | None = None


class ABTestOut(Wire):
    id: UUID
    name: str
    type: str | None
    status: ABTestStatus
    variants: list[Variant]
    fraction: float
    metric: ABMetric
    decide_after: timedelta | None
    winner: WinnerMode = Field(description="Who decides; `decision` says for which variant.")
    created_at: datetime
    updated_at: datetime
    started_at: datetime | None
    decide_at: datetime | None = Field(description="When the metric decides.")
    ended_at: datetime | None = Field(description="When it was decided or stopped.")
    decision: Decision | None

    @staticmethod
    def of(test: ABTest) -> "ABTestOut":
        return ABTestOut(
            id=test.id,
            name=test.name,
            type=test.type,
            status=test.status,
            variants=list(test.design.variants),
            fraction=test.design.fraction,
            metric=test.design.metric,
            decide_after=test.design.decide_after,
            winner=test.design.winner,
            created_at=test.created_at,
            updated_at=test.updated_at,
            started_at=test.started_at,
            decide_at=test.decide_at,
            ended_at=test.ended_at,
            decision=test.decision,
        )


class AssignIn(Wire):
    user_id: UserId


class AssignmentOut(Wire):
    test_id: UUID
    user_id: str
    variant: Variant | None = Field(description="Null for one who gets none.")
    reason: Standing

    @staticmethod
    def of(found: Assignment, user_id: str) -> "AssignmentOut":
        variants = found.test.design.variants
        return AssignmentOut(
            test_id=found.test.id,
            user_id=user_id,
            variant=None if found.index is None else variants[found.index],
            reason=found.standing,
        )


class OutcomeOut(Wire):
    counted: bool = Field(description="False when the user has an outcome of this metric.")


class DecideIn(Wire):
    variant: VariantName


class ABResultsOut(MetricResult):
    """The results by the test's metric; the other metrics decide nothing."""

    test_id: UUID
    status: ABTestStatus
    decision: Decision | None
    other_metrics: list[MetricResult]

    @staticmethod
    def of(test: ABTest, results: Results) -> "ABResultsOut":
        decisive = test.design.metric
        return ABResultsOut(
            **dict(results[decisive]),
            test_id=test.id,
            status=test.status,
            decision=test.decision,
            other_metrics=[result for metric, result in results.items() if metric != decisive],
        )
