"""The planning activities pass their one message on, and the answer back."""

from datetime import UTC, datetime, timedelta

import pytest
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment

from activities.planning import PlanningActivities
from domain.enums import Channel, NotificationStatus, PlanTrigger
from domain.ids import new_id
from domain.messages import CancelInput, CancelOutcome, CancelResult, FinishInput, PlanInput
from tests.workflows.ledger import Case, Ledger

NOW = datetime(2026, 11, 1, 12, tzinfo=UTC)


@pytest.fixture
def ledger() -> Ledger:
    return Ledger()


@pytest.fixture
def steps(ledger: Ledger) -> PlanningActivities:
    return PlanningActivities(ledger, ledger)


async def test_a_plan_is_made_at_the_workflows_time(
    ledger: Ledger, steps: PlanningActivities
) -> None:
    case = ledger.add(Case({Channel.EMAIL: timedelta(hours=1)}))
    command = PlanInput(notification_id=case.id, now=NOW, trigger=PlanTrigger.ACCEPTED)
    plan = await ActivityEnvironment().run(steps.plan_notification, command)
    assert plan.wait_until == NOW + timedelta(hours=1)


async def test_a_cancel_is_answered(ledger: Ledger, steps: PlanningActivities) -> None:
    case = ledger.add(Case({Channel.EMAIL: timedelta(0)}))
    command = CancelInput(notification_id=case.id)
    answer = await ActivityEnvironment().run(steps.cancel_notification, command)
    assert answer == CancelResult(outcome=CancelOutcome.CANCELLED)


async def test_what_is_held_is_closed(ledger: Ledger, steps: PlanningActivities) -> None:
    case = ledger.add(Case({Channel.EMAIL: timedelta(0)}))
    command = FinishInput(notification_id=case.id, reason="read_in_time")
    await ActivityEnvironment().run(steps.finish_notification, command)
    assert case.finished == ["read_in_time"]
    assert case.status is NotificationStatus.SKIPPED


async def test_an_unknown_notification_is_not_asked_for_again(steps: PlanningActivities) -> None:
    with pytest.raises(ApplicationError) as refused:
        await ActivityEnvironment().run(
            steps.cancel_notification, CancelInput(notification_id=new_id())
        )
    assert refused.value.non_retryable
