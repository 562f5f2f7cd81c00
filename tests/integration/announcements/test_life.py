"""An announcement's workflow over a real database, in skipped time, and after whatever was lost."""

import asyncio
from datetime import timedelta
from uuid import uuid4

import pytest
from temporalio.client import Client
from temporalio.testing import TimeSkipper, TimeSkippingConfig
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

from activities.announcements import AnnouncementActivities
from domain.announcements.messages import AdvanceInput, AnnouncementInput
from domain.announcements.shapes import (
    ANNOUNCEMENTS_QUEUE,
    AmendAnnouncement,
    AnnouncementStatus,
    announcement_workflow_id,
    campaign_id_for,
)
from domain.campaigns.records import CampaignStatus
from runtime.embedded.stack import EmbeddedStack
from runtime.temporal import TemporalGateway, connect_worker
from services.announcements import relay as announcement_relay
from services.announcements import service as announcements
from services.announcements.relay import AnnouncementRelay
from tests.integration.announcements.office import Office
from tests.integration.conftest import HOUR, Core, now
from tests.workflows.world import prepare
from workflows import options
from workflows.announcement import AnnouncementWorkflow

DAY = timedelta(days=1)


@pytest.fixture(scope="module")
async def temporal(stack: EmbeddedStack) -> Client:
    namespace = f"announcements-{uuid4().hex[:10]}"
    await prepare(stack.temporal_address, namespace)
    return await connect_worker(stack.temporal_address, namespace)


def working(client: Client, office: Office) -> Worker:
    steps = AnnouncementActivities(office.service, office.sender)
    return Worker(
        client,
        task_queue=ANNOUNCEMENTS_QUEUE,
        workflows=[AnnouncementWorkflow],
        activities=[
            steps.advance_announcement, steps.send_announcement, steps.recall_announcement,
        ],
        workflow_runner=UnsandboxedWorkflowRunner(),
    )  # fmt: skip


async def test_a_month_passes_in_skipped_time(office: Office, core: Core, temporal: Client) -> None:
    users = [await core.user() for _ in range(7)]
    start = now() + 10 * DAY
    item = await office.make(
        audience={"userIds": [*users, "nobody"]}, channels=["email", "push"],
        startsAt=start.isoformat(), endsAt=(start + 20 * DAY).isoformat(),
    )  # fmt: skip
    skipper = TimeSkipper(temporal, config=TimeSkippingConfig(enabled=True))
    async with working(temporal, office):
        outcome = await skipper.client.execute_workflow(
            AnnouncementWorkflow.run,
            AnnouncementInput(announcement_id=item.id),
            id=announcement_workflow_id(item.id),
            task_queue=ANNOUNCEMENTS_QUEUE,
        )
    assert outcome.status is AnnouncementStatus.ENDED
    after = await office.service.get(item.id)
    assert after.published_version is not None
    assert after.version == after.published_version + 1
    assert after.untold_since is None
    assert {after.published_version, after.version} <= set(office.bus.told)
    sending = campaign_id_for(item.id)
    assert after.campaign_id == sending
    assert office.rails.told == [
        (sending, CampaignStatus.RUNNING), (sending, CampaignStatus.CANCELLED),
    ]  # fmt: skip


async def test_what_nobody_told_the_relay_tells(
    office: Office, temporal: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(announcement_relay, "GRACE", timedelta(0))
    monkeypatch.setattr(announcement_relay, "CLAIM", timedelta(0))
    gateway = TemporalGateway(temporal, b"k" * 32)
    relay = AnnouncementRelay(office.uow, gateway, now)
    item = await office.make(startsAt=(now() + HOUR).isoformat())
    handle = temporal.get_workflow_handle_for(
        AnnouncementWorkflow.run, announcement_workflow_id(item.id)
    )
    assert await relay.run_once() == 1
    async with working(temporal, office):
        while (await office.service.get(item.id)).untold_since is not None:
            await handle.describe()
        assert await relay.run_once() == 0
        change = AmendAnnouncement.model_validate({"startsAt": now().isoformat()})
        await office.service.update(item.id, change, "test")
        await office.service.withdraw(item.id, "test")
        assert await relay.run_once() == 1
        assert (await handle.result()).status is AnnouncementStatus.WITHDRAWN
        assert await relay.run_once() == 0
        await gateway.tell_announcement(item.id)
        assert (await handle.result()).status is AnnouncementStatus.WITHDRAWN


async def test_one_edited_over_and_over_begins_a_new_history(
    office: Office, temporal: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(options, "LONG_HISTORY", 20)
    item = await office.make()
    handle = await temporal.start_workflow(
        AnnouncementWorkflow.run,
        AnnouncementInput(announcement_id=item.id),
        id=announcement_workflow_id(item.id),
        task_queue=ANNOUNCEMENTS_QUEUE,
    )
    current = temporal.get_workflow_handle_for(AnnouncementWorkflow.run, handle.id)
    async with working(temporal, office):
        edits = 0
        while (await current.describe()).run_id == handle.result_run_id:
            edits += 1
            change = AmendAnnouncement.model_validate({"title": f"T {edits}"})
            await office.service.update(item.id, change, "test")
            await current.signal(AnnouncementWorkflow.on_changed)
        await office.service.withdraw(item.id, "test")
        await current.signal(AnnouncementWorkflow.on_changed)
        assert (await current.result()).status is AnnouncementStatus.WITHDRAWN


async def test_a_bus_that_hangs_keeps_no_row_from_going_on(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def hanging(_frame: object) -> int:
        await asyncio.Event().wait()
        return 0

    monkeypatch.setattr(announcements, "BUS_PATIENCE", 0.01)
    monkeypatch.setattr(office.bus, "broadcast", hanging)
    item = await office.make()
    step = await office.service.advance(AdvanceInput(announcement_id=item.id, now=now()))
    assert step.status is AnnouncementStatus.ACTIVE
    assert (await office.service.get(item.id)).untold_since is None
