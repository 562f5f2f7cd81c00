"""What the scenarios share: how one is registered, and how its ending is checked."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

from temporalio.client import WorkflowHandle

from domain.enums import Channel, PlanTrigger
from domain.messages import DeliverOutcome
from tests.workflows.ledger import Case
from tests.workflows.world import Handle, World
from workflows.notification import NotificationWorkflow
from workflows.progress import NotificationState

EMAIL, SMS, PUSH, INBOX = Channel.EMAIL, Channel.SMS, Channel.PUSH, Channel.WEBSOCKET
SENT, FAILED, UNKNOWN = DeliverOutcome.SENT, DeliverOutcome.FAILED, DeliverOutcome.UNKNOWN
SKIPPED = DeliverOutcome.SKIPPED
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
ACCEPTED, DUE = PlanTrigger.ACCEPTED, PlanTrigger.DUE
SOON = timedelta(seconds=60)
"""Timers wake within this of their instant, on a machine with other work to do."""

Scenario = Callable[[World], Awaitable[WorkflowHandle[Any, Any]]]
SCENARIOS: dict[str, Scenario] = {}


def scenario(path: Scenario) -> Scenario:
    SCENARIOS[path.__name__] = path
    return path


def on_time(at: timedelta, due: timedelta) -> bool:
    return due <= at < due + SOON


async def ended(handle: Handle, case: Case, outcome: str) -> Handle:
    result = await handle.result()
    assert result.outcome == outcome, (result, case)
    case.assert_closed()
    return handle


async def state_of(handle: Handle) -> NotificationState:
    return await handle.query(NotificationWorkflow.state)


async def resting(handle: Handle) -> None:
    """Returns once it waits for an instant."""
    while (await state_of(handle)).waiting_until is None:
        await asyncio.sleep(0.01)
