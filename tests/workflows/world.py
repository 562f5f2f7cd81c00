"""A Temporal server with Herald's workflows and activities on it, over a scripted ledger."""

import asyncio
import json
from collections.abc import AsyncIterator, Collection
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from temporalio.api.enums.v1 import EventType
from temporalio.client import Client, WorkflowHandle
from temporalio.service import RPCError
from temporalio.testing import TimeSkipper, TimeSkippingConfig
from temporalio.worker import Worker
from temporalio.worker.workflow_sandbox import SandboxedWorkflowRunner

from activities.bulk import BulkActivities
from activities.delivery import DeliveryActivities
from activities.planning import PlanningActivities
from domain.ids import (
    BULK_QUEUE,
    DELIVERY_QUEUES,
    NOTIFICATIONS_QUEUE,
    notification_workflow_id,
)
from domain.messages import NotificationInput
from runtime.embedded.temporal.server import prepare_namespace
from runtime.temporal import TemporalGateway, connect_worker
from tests.workflows.bulk_ledger import BulkLedger
from tests.workflows.ledger import Case, Ledger
from workflows.bulk import BulkWorkflow
from workflows.notification import NotificationWorkflow
from workflows.progress import NotificationOutcome

Handle = WorkflowHandle[NotificationWorkflow, NotificationOutcome]


@dataclass
class World:
    client: Client
    ledger: Ledger = field(default_factory=Ledger)
    batches: BulkLedger = field(default_factory=BulkLedger)

    def __post_init__(self) -> None:
        self.skipping = TimeSkipper(self.client, config=TimeSkippingConfig(enabled=True))
        self.by_hand = TimeSkipper(self.client, config=TimeSkippingConfig(enabled=False))
        self.gateway = TemporalGateway(self.client, b"k" * 32)

    async def start(
        self, case: Case, *, skip: bool = True, redrives: int = 0, known: bool = True
    ) -> Handle:
        """Starts the case's workflow. `skip`: its waits take no time."""
        if known:
            self.ledger.add(case)
        skipper = self.skipping if skip else self.by_hand
        return await skipper.client.start_workflow(
            NotificationWorkflow.run,
            NotificationInput(notification_id=case.id, redrives=redrives),
            id=notification_workflow_id(case.id, redrives),
            task_queue=NOTIFICATIONS_QUEUE,
        )

    async def replanned(self, case: Case, plans: int) -> None:
        """Returns once the workflow has followed so many plans."""
        handle = self.client.get_workflow_handle_for(
            NotificationWorkflow.run, notification_workflow_id(case.id)
        )
        while (await handle.query(NotificationWorkflow.state)).plans < plans:
            await asyncio.sleep(0.02)


@asynccontextmanager
async def open_world(
    address: str, namespace: str, *, deliver_on: Collection[str] = tuple(DELIVERY_QUEUES.values())
) -> AsyncIterator[World]:
    """Workers on every queue, in the sandbox that refuses the most."""
    world = World(await connect_worker(address, namespace))
    planning = PlanningActivities(world.ledger, world.ledger)
    async with AsyncExitStack() as workers:
        await workers.enter_async_context(
            Worker(
                world.client,
                task_queue=NOTIFICATIONS_QUEUE,
                workflows=[NotificationWorkflow],
                activities=[
                    planning.plan_notification,
                    planning.cancel_notification,
                    planning.finish_notification,
                ],
                workflow_runner=SandboxedWorkflowRunner(),
            )
        )
        bulk = BulkActivities(world.batches, world.batches)
        await workers.enter_async_context(
            Worker(
                world.client,
                task_queue=BULK_QUEUE,
                workflows=[BulkWorkflow],
                activities=[bulk.deliver_bulk_chunk, bulk.cancel_bulk_chunk, bulk.end_bulk],
                workflow_runner=SandboxedWorkflowRunner(),
            )
        )
        for queue in deliver_on:
            await workers.enter_async_context(
                Worker(
                    world.client,
                    task_queue=queue,
                    activities=[DeliveryActivities(world.ledger).deliver],
                )
            )
        yield world


async def prepare(address: str, namespace: str) -> None:
    """A namespace whose search attributes can be used; the server hears of them a little late."""
    await prepare_namespace(address, namespace)
    client = await connect_worker(address, namespace)
    async with asyncio.timeout(30):
        while True:
            try:
                await client.count_workflows("Outcome IS NULL")
            except RPCError:
                await asyncio.sleep(0.1)
            else:
                return


async def events(handle: Handle) -> list[str]:
    """The history's event types, in short."""
    history = await handle.fetch_history()
    return [EventType.Name(event.event_type)[len("EVENT_TYPE_") :] for event in history.events]


async def history_json(handle: Handle) -> dict[str, Any]:
    return json.loads((await handle.fetch_history()).to_json())
