"""A Temporal server with Herald's workflows and activities on it, over a scripted ledger."""

import asyncio
import json
from collections.abc import AsyncIterator, Collection
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from types import SimpleNamespace
from typing import Any

from temporalio.api.enums.v1 import EventType
from temporalio.client import Client, WorkflowHandle
from temporalio.service import RPCError
from temporalio.testing import TimeSkipper, TimeSkippingConfig
from temporalio.worker import Worker
from temporalio.worker.workflow_sandbox import SandboxedWorkflowRunner

from domain.announcements.messages import AnnouncementInput, AnnouncementOutcome
from domain.announcements.shapes import ANNOUNCEMENTS_QUEUE, announcement_workflow_id
from domain.campaigns.ids import campaign_workflow_id
from domain.campaigns.messages import CampaignInput, CampaignState
from domain.digests.messages import DigestInput
from domain.ids import (
    CAMPAIGNS_QUEUE,
    DELIVERY_QUEUES,
    NOTIFICATIONS_QUEUE,
    digest_workflow_id,
    notification_workflow_id,
)
from domain.messages import NotificationInput
from runtime.ab_test_gateway import TemporalABTests
from runtime.embedded.temporal.server import prepare_namespace
from runtime.temporal import TemporalGateway, connect_worker
from services.campaigns.chunks import CampaignChunkService
from services.campaigns.run import CampaignRunService
from tests.workflows.ab_tests import ABCases
from tests.workflows.board import Board, Notice
from tests.workflows.book import Book, Sends
from tests.workflows.bulk_ledger import BulkLedger
from tests.workflows.digest_ledger import Digests
from tests.workflows.ledger import Case, Ledger
from workers.queues import WORK
from workflows.announcement import AnnouncementWorkflow
from workflows.campaign import CampaignWorkflow
from workflows.digest import DigestWorkflow
from workflows.notification import NotificationWorkflow
from workflows.progress import NotificationOutcome

Handle = WorkflowHandle[NotificationWorkflow, NotificationOutcome]
AnnouncementHandle = WorkflowHandle[AnnouncementWorkflow, AnnouncementOutcome]
CampaignHandle = WorkflowHandle[CampaignWorkflow, CampaignState]
TASK = ["WORKFLOW_TASK_SCHEDULED", "WORKFLOW_TASK_STARTED", "WORKFLOW_TASK_COMPLETED"]


@dataclass
class World:
    client: Client
    ledger: Ledger = field(default_factory=Ledger)
    batches: BulkLedger = field(default_factory=BulkLedger)
    ab_tests: ABCases = field(default_factory=ABCases)
    board: Board = field(default_factory=Board)
    digests: Digests = field(default_factory=Digests)
    book: Book = field(default_factory=Book)

    def __post_init__(self) -> None:
        self.skipping = TimeSkipper(self.client, config=TimeSkippingConfig(enabled=True))
        self.by_hand = TimeSkipper(self.client, config=TimeSkippingConfig(enabled=False))
        self.gateway = TemporalGateway(self.client, b"k" * 32)
        self.ab_gateway = TemporalABTests(self.client)

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

    async def announce(self, notice: Notice, *, skip: bool = True) -> AnnouncementHandle:
        """Starts the notice's workflow. `skip`: its waits take no time."""
        self.board.add(notice)
        skipper = self.skipping if skip else self.by_hand
        return await skipper.client.start_workflow(
            AnnouncementWorkflow.run,
            AnnouncementInput(announcement_id=notice.id),
            id=announcement_workflow_id(notice.id),
            task_queue=ANNOUNCEMENTS_QUEUE,
        )

    async def start_digest(
        self, user: str, ends_at: datetime, *, skip: bool = True
    ) -> WorkflowHandle[DigestWorkflow, int]:
        skipper = self.skipping if skip else self.by_hand
        return await skipper.client.start_workflow(
            DigestWorkflow.run,
            DigestInput(user_id=user, digest_key="jobs", ends_at=ends_at),
            id=digest_workflow_id(user, "jobs"),
            task_queue=NOTIFICATIONS_QUEUE,
        )

    async def latest(self, case: Case) -> Handle:
        """The newest run of the case's workflow, named so that it stays this one."""
        found = await self.client.get_workflow_handle(notification_workflow_id(case.id)).describe()
        return self.client.get_workflow_handle_for(
            NotificationWorkflow.run, notification_workflow_id(case.id), run_id=found.run_id
        )

    async def send(
        self, case: Sends, *, skip: bool = True, recurring: bool = False, looks: int = 150
    ) -> CampaignHandle:
        """Starts a campaign's workflow. `skip`: its waits take no time."""
        self.book.add(case)
        skipper = self.skipping if skip else self.by_hand
        return await skipper.client.start_workflow(
            CampaignWorkflow.run,
            CampaignInput(campaign_id=case.id, recurring=recurring, looks_per_run=looks),
            id=campaign_workflow_id(case.id),
            task_queue=CAMPAIGNS_QUEUE,
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
    address: str,
    namespace: str,
    *,
    deliver_on: Collection[str] = tuple(DELIVERY_QUEUES.values()),
    run: CampaignRunService | None = None,
    chunks: CampaignChunkService | None = None,
) -> AsyncIterator[World]:
    """Workers on every queue, in the sandbox that refuses the most. `run` and `chunks`: real
    services instead of the book."""
    world = World(await connect_worker(address, namespace))
    services: Any = SimpleNamespace(
        plan=world.ledger,
        cancel=world.ledger,
        deliver=world.ledger,
        ab_tests=world.ab_tests,
        digests=world.digests,
        announcements=world.board,
        announcement_sender=world.board,
        campaign_run=run or world.book,
        campaign_chunks=chunks or world.book,
        bulk_deliver=world.batches,
        bulk_batches=world.batches,
        maintenance=None,
    )
    async with AsyncExitStack() as workers:
        for queue, work in WORK.items():
            if queue in deliver_on or queue not in DELIVERY_QUEUES.values():
                worker = Worker(
                    world.client,
                    task_queue=queue,
                    workflows=work.workflows,
                    activities=work.activities(services),
                    workflow_runner=SandboxedWorkflowRunner(),
                )
                await workers.enter_async_context(worker)
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


async def events(handle: WorkflowHandle[Any, Any]) -> list[str]:
    """The history's event types, in short."""
    history = await handle.fetch_history()
    return [EventType.Name(event.event_type)[len("EVENT_TYPE_") :] for event in history.events]


def unforced(events: list[str]) -> list[str]:
    """The events without the workflow tasks that only a loaded machine adds: those that timed out,
    and those that keep the task of a running local activity alive."""
    kept: list[str] = []
    for event in events:
        if event == "WORKFLOW_TASK_TIMED_OUT" and kept[-2:] == TASK[:2]:
            del kept[-2:]
        elif event == TASK[0] and kept[-3:] == TASK:
            kept[-3:] = [event]
        else:
            kept.append(event)
    return kept


async def history_json(handle: WorkflowHandle[Any, Any]) -> dict[str, Any]:
    return json.loads((await handle.fetch_history()).to_json())
