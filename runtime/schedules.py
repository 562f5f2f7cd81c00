"""The schedules Herald keeps with Temporal; every worker of the upkeep makes sure they exist."""

from datetime import timedelta
from typing import Final

from temporalio.client import (
    Client,
    Schedule,
    ScheduleActionStartWorkflow,
    ScheduleAlreadyRunningError,
    ScheduleCalendarSpec,
    ScheduleOverlapPolicy,
    SchedulePolicy,
    ScheduleRange,
    ScheduleSpec,
)

from domain.ids import MAINTENANCE_QUEUE
from workflows.maintenance import MaintenanceWorkflow

MAINTENANCE: Final = "maintenance"


async def ensure_schedules(client: Client) -> None:
    """Adds what is missing; one an operator changed or paused stays as it is."""
    nightly = ScheduleCalendarSpec(hour=[ScheduleRange(3)], comment="every night at three, UTC")
    schedule = Schedule(
        action=ScheduleActionStartWorkflow(
            MaintenanceWorkflow.run, id=MAINTENANCE, task_queue=MAINTENANCE_QUEUE
        ),
        spec=ScheduleSpec(calendars=[nightly], jitter=timedelta(minutes=10)),
        policy=SchedulePolicy(overlap=ScheduleOverlapPolicy.SKIP),
    )
    try:
        await client.create_schedule(MAINTENANCE, schedule)
    except ScheduleAlreadyRunningError:
        return
