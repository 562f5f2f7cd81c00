"""The upkeep by its schedule: on a real Temporal, over a real database, as a worker runs it."""

from datetime import timedelta
from uuid import uuid4

from temporalio.client import Client
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

from activities.maintenance import MaintenanceActivities
from domain.enums import MaintenanceStep, Platform, PushVendor
from domain.ids import MAINTENANCE_QUEUE, new_id
from domain.messages import MaintenanceInput, MaintenanceOutcome
from domain.records.people import Device
from runtime.embedded.stack import EmbeddedStack
from runtime.schedules import MAINTENANCE, ensure_schedules
from runtime.temporal import connect_worker
from services.campaigns.retention import CampaignRetention
from services.operations.maintenance import MaintenanceService
from services.people.devices import DeviceService
from tests.integration.conftest import Core, now
from tests.workflows.world import prepare
from workflows.maintenance import MaintenanceWorkflow


class Callbacks:
    """Stands where the kept callbacks are."""

    def __init__(self) -> None:
        self.failing = False

    async def forget_callbacks(self, before: object) -> int:
        if self.failing:
            raise ValueError("not today")
        return 7


async def client_of(stack: EmbeddedStack) -> Client:
    namespace = f"upkeep-{uuid4().hex[:10]}"
    await prepare(stack.temporal_address, namespace)
    return await connect_worker(stack.temporal_address, namespace)


def service(core: Core, callbacks: Callbacks) -> MaintenanceService:
    retention = CampaignRetention(core.uow, timedelta(days=400), now)
    devices = DeviceService(core.uow, now)
    return MaintenanceService(core.uow, devices, callbacks, retention, now)  # type: ignore[arg-type]


async def test_the_schedule_is_made_once_and_its_run_does_every_step(
    core: Core, stack: EmbeddedStack
) -> None:
    client = await client_of(stack)
    await ensure_schedules(client)
    await ensure_schedules(client)
    user, old = await core.user(), now() - timedelta(days=400)
    stale = Device(new_id(), user, f"t-{new_id()}", Platform.WEB, PushVendor.FIREBASE, old, old)
    async with core.uow() as tx:
        await tx.devices.register(stale)
    async with Worker(
        client,
        task_queue=MAINTENANCE_QUEUE,
        workflows=[MaintenanceWorkflow],
        activities=[MaintenanceActivities(service(core, Callbacks())).maintain],
        workflow_runner=UnsandboxedWorkflowRunner(),
    ):
        described = await client.get_schedule_handle(MAINTENANCE).describe()
        assert described.schedule.spec.calendars[0].hour[0].start == 3
        outcome: MaintenanceOutcome = await client.execute_workflow(
            MaintenanceWorkflow.run, id="now", task_queue=MAINTENANCE_QUEUE
        )
    assert outcome.failed == ()
    assert list(outcome.done) == list(MaintenanceStep)
    assert outcome.done[MaintenanceStep.DEVICES] >= 1
    assert outcome.done[MaintenanceStep.CALLBACKS] == 7
    async with core.uow() as tx:
        assert await tx.devices.list(user) == ()


async def test_steps_may_be_repeated(core: Core) -> None:
    upkeep = service(core, Callbacks())
    for _ in range(2):
        for step in MaintenanceStep:
            await upkeep.run(step)
    assert MaintenanceInput(step=MaintenanceStep.SUMMARY).step == "summary"
