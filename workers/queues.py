"""Which work each task queue carries, and how much of it one process takes on."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final, Protocol

from temporalio.client import Client
from temporalio.worker import PollerBehaviorAutoscaling, UnsandboxedWorkflowRunner, Worker

from activities.ab_tests import ABTestActivities
from activities.announcements import AnnouncementActivities
from activities.bulk import BulkActivities
from activities.campaigns import CampaignActivities
from activities.delivery import DeliveryActivities
from activities.digests import DigestActivities
from activities.maintenance import MaintenanceActivities
from activities.planning import PlanningActivities
from domain.ids import (
    BULK_QUEUE,
    CAMPAIGNS_QUEUE,
    DELIVERY_QUEUES,
    MAINTENANCE_QUEUE,
    NOTIFICATIONS_QUEUE,
)
from domain.ports.announcements import AnnouncementSender
from services.ab.service import ABTestService
from services.announcements.service import AnnouncementService
from services.bulk.batches import BulkBatchService
from services.bulk.deliver import BulkDeliverService
from services.campaigns.chunks import CampaignChunkService
from services.campaigns.run import CampaignRunService
from services.delivery.deliver import DeliverService
from services.digests.service import DigestService
from services.notifications.cancel import CancelService
from services.notifications.plan import PlanService
from services.operations.maintenance import MaintenanceService
from workflows.ab_test import ABTestWorkflow
from workflows.announcement import AnnouncementWorkflow
from workflows.bulk import BulkWorkflow
from workflows.campaign import CampaignWorkflow
from workflows.campaign_partition import CampaignPartitionWorkflow
from workflows.digest import DigestWorkflow
from workflows.maintenance import MaintenanceWorkflow
from workflows.notification import NotificationWorkflow

GRACE: Final = timedelta(seconds=10)
"""How long running activities have to end by themselves when the process is asked to stop."""
MAX_WORKFLOW_TASKS: Final = 100
MAX_LOCAL_ACTIVITIES: Final = 50
MAX_ACTIVITIES: Final = 100
MAX_CHUNKS: Final = 3
"""Chunks of campaigns, and of batches, that one process has in memory at once."""
MAX_CACHED_WORKFLOWS: Final = 5_000
STICKY_TIMEOUT: Final = timedelta(seconds=5)
"""How long a workflow waits for the process that has it in memory before another takes it."""
POLLERS: Final = PollerBehaviorAutoscaling(minimum=1, initial=3, maximum=20)


class Services(Protocol):
    """What the activities need of the container."""

    @property
    def plan(self) -> PlanService: ...
    @property
    def cancel(self) -> CancelService: ...
    @property
    def deliver(self) -> DeliverService: ...
    @property
    def bulk_deliver(self) -> BulkDeliverService: ...
    @property
    def bulk_batches(self) -> BulkBatchService: ...
    @property
    def campaign_run(self) -> CampaignRunService: ...
    @property
    def campaign_chunks(self) -> CampaignChunkService: ...
    @property
    def digests(self) -> DigestService: ...
    @property
    def maintenance(self) -> MaintenanceService: ...
    @property
    def ab_tests(self) -> ABTestService: ...
    @property
    def announcements(self) -> AnnouncementService: ...
    @property
    def announcement_sender(self) -> AnnouncementSender: ...


Activities = Sequence[Callable[..., Any]]


@dataclass(frozen=True, slots=True)
class QueueWork:
    workflows: Sequence[type]
    activities: Callable[[Services], Activities]
    local: bool = False
    """Its activities are run within workflow tasks only."""
    at_once: int = MAX_ACTIVITIES


def _planning(services: Services) -> Activities:
    steps = PlanningActivities(services.plan, services.cancel)
    tests = ABTestActivities(services.ab_tests)
    digests = DigestActivities(services.digests)
    return (
        steps.plan_notification,
        steps.cancel_notification,
        steps.finish_notification,
        tests.look_at_ab_test,
        digests.hand_over,
        digests.flush,
    )


def _delivery(services: Services) -> Activities:
    return (DeliveryActivities(services.deliver).deliver,)


def _bulk(services: Services) -> Activities:
    steps = BulkActivities(services.bulk_deliver, services.bulk_batches)
    return (steps.deliver_bulk_chunk, steps.cancel_bulk_chunk, steps.end_bulk)


def _maintenance(services: Services) -> Activities:
    steps = AnnouncementActivities(services.announcements, services.announcement_sender)
    return (
        MaintenanceActivities(services.maintenance).maintain,
        steps.advance_announcement,
        steps.send_announcement,
        steps.recall_announcement,
    )


def _campaigns(services: Services) -> Activities:
    steps = CampaignActivities(services.campaign_run, services.campaign_chunks)
    return (
        steps.open_campaign,
        steps.freeze_audience,
        steps.decide_winner,
        steps.finish_campaign,
        steps.deliver_chunk,
    )


WORK: Final[Mapping[str, QueueWork]] = {
    NOTIFICATIONS_QUEUE: QueueWork(
        (NotificationWorkflow, ABTestWorkflow, DigestWorkflow), _planning, local=True
    ),
    CAMPAIGNS_QUEUE: QueueWork(
        (CampaignWorkflow, CampaignPartitionWorkflow), _campaigns, at_once=MAX_CHUNKS
    ),
    MAINTENANCE_QUEUE: QueueWork((MaintenanceWorkflow, AnnouncementWorkflow), _maintenance),
    **{queue: QueueWork((), _delivery) for queue in DELIVERY_QUEUES.values()},
    BULK_QUEUE: QueueWork((BulkWorkflow,), _bulk, at_once=MAX_CHUNKS),
}


def make_worker(client: Client, queue: str, services: Services) -> Worker:
    """A worker for one queue."""
    work = WORK[queue]
    return Worker(
        client,
        task_queue=queue,
        workflows=work.workflows,
        activities=work.activities(services),
        workflow_runner=UnsandboxedWorkflowRunner(),
        no_remote_activities=work.local,
        max_concurrent_workflow_tasks=MAX_WORKFLOW_TASKS,
        max_concurrent_local_activities=MAX_LOCAL_ACTIVITIES,
        max_concurrent_activities=work.at_once,
        max_cached_workflows=MAX_CACHED_WORKFLOWS,
        sticky_queue_schedule_to_start_timeout=STICKY_TIMEOUT,
        workflow_task_poller_behavior=POLLERS,
        activity_task_poller_behavior=POLLERS,
        graceful_shutdown_timeout=GRACE,
    )
