"""Announcements on the real parts: a workflow in skipped time over a real database, sent besides,
recalled, and carried on after whatever was lost."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest
from temporalio.client import Client
from temporalio.testing import TimeSkipper, TimeSkippingConfig
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

from activities.announcements import AnnouncementActivities
from domain.announcements.messages import AdvanceInput, AnnouncementInput
from domain.announcements.shapes import (
    ANNOUNCEMENTS_QUEUE,
    AmendAnnouncement,
    Announcement,
    AnnouncementStatus,
    NewAnnouncement,
    announcement_workflow_id,
    campaign_id_for,
)
from domain.audience.shapes import AudienceList
from domain.campaigns.messages import FinishCampaignInput, FreezeInput
from domain.campaigns.records import Campaign, CampaignStatus
from domain.enums import Category, Channel, Priority
from domain.errors import Unavailable
from domain.ids import new_id
from runtime.embedded.stack import EmbeddedStack
from runtime.temporal import TemporalGateway, connect_worker
from services.announcements import relay as announcement_relay
from services.announcements import service as announcements
from services.announcements.relay import AnnouncementRelay
from services.announcements.sender import CampaignSender
from services.announcements.service import AnnouncementService
from services.campaigns.checks import CampaignChecks
from services.campaigns.run import CampaignRunService
from services.campaigns.service import CampaignService
from services.campaigns.sweep import CampaignSweep
from services.catalogue.reading import Catalogue
from services.notifications.template_choice import TemplateChooser
from storage.campaigns.rows import SqlCampaigns
from templates.adapter import Templates
from tests.integration.conftest import HOUR, Core, now
from tests.workflows.world import prepare
from workflows import options
from workflows.announcement import AnnouncementWorkflow

DAY = timedelta(days=1)


class Bus:
    """Stands where Valkey is: what every process is told."""

    def __init__(self) -> None:
        self.told: list[int] = []

    async def publish(self, user_id: str, frame: object) -> int:
        raise AssertionError("no user is told by name")

    async def broadcast(self, frame: Any) -> int:
        self.told.append(frame["seq"])
        return 1


class Forgetful:
    """A process that dies before it tells the workflow."""

    def tell_announcement(self, announcement_id: UUID) -> None:
        return None


class Rails:
    """Notes of which campaigns Temporal would hear."""

    def __init__(self) -> None:
        self.told: list[tuple[UUID, CampaignStatus]] = []

    def tell(self, campaign: Campaign) -> None:
        self.told.append((campaign.id, campaign.status))


class Office:
    """The services around announcements, and what they told."""

    def __init__(self, core: Core) -> None:
        self.uow = core.uow
        self.bus = Bus()
        self.rails = Rails()
        self.service = AnnouncementService(core.uow, self.bus, Forgetful(), now)
        renderer, catalogue = Templates(), Catalogue(core.uow)
        checks = CampaignChecks(catalogue, TemplateChooser(catalogue, renderer), renderer)
        sweep = CampaignSweep(core.uow, core.cancelling, now, timedelta(seconds=1))
        self.campaigns = CampaignService(core.uow, checks, self.rails, sweep, now)
        self.running = CampaignRunService(core.uow, checks, sweep, now)
        self.sender = CampaignSender(core.uow, self.campaigns, now)

    async def make(self, **fields: Any) -> Announcement:
        body = {"title": "T", "content": "C"} | fields
        return await self.service.create(NewAnnouncement.model_validate(body), "test")

    async def campaign(self, item: Announcement) -> Campaign | None:
        async with self.uow() as tx:
            return await tx.campaigns.get(campaign_id_for(item.id))

    async def freeze(self, item: Announcement) -> int:
        command = FreezeInput(campaign_id=campaign_id_for(item.id), now=now())
        return (await self.running.freeze(command)).recipients


@pytest.fixture
async def office(core: Core, database: str) -> AsyncIterator[Office]:
    connection = await asyncpg.connect(database)
    await connection.execute("delete from announcement_reads; delete from announcements")
    await connection.close()
    yield Office(core)


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


async def test_other_channels_are_a_campaign_to_the_same_audience(
    office: Office, core: Core
) -> None:
    users = [await core.user(attributes={"plan": plan}) for plan in ("pro", "free", "pro")]
    segment = {"all": [{"field": "attributes.plan", "op": "eq", "value": "pro"},
                       {"field": "id", "op": "in", "value": users}]}  # fmt: skip
    item = await office.make(
        title="Maintenance", content="At ten.", data={"page": "/status"}, priority="critical",
        audience={"segment": segment}, channels=["sms", "websocket", "email"],
    )  # fmt: skip
    assert item.campaign_id is None
    sending = await office.sender.send(item.id)
    assert sending == (await office.service.get(item.id)).campaign_id
    campaign = await office.campaign(item)
    assert campaign is not None
    assert (campaign.type, campaign.category) == ("announcement", Category.ANNOUNCEMENTS)
    assert (campaign.name, campaign.words.title) == ("Maintenance", "Maintenance")
    assert (campaign.words.content, campaign.words.data) == ("At ten.", {"page": "/status"})
    assert campaign.channels == (Channel.SMS, Channel.EMAIL)
    assert (campaign.priority, campaign.audience) == (Priority.CRITICAL, item.audience)
    assert campaign.status is CampaignStatus.RUNNING
    assert await office.freeze(item) == 4


async def test_a_rerun_of_the_sending_finds_the_campaign(
    office: Office, core: Core, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The attempt dies with the campaign written, before the transaction is whole, and after."""
    item = await office.make(audience={"userIds": [await core.user()]}, channels=["email"])
    inserts = SqlCampaigns.insert

    async def dying(self: SqlCampaigns, campaign: Campaign) -> bool:
        await inserts(self, campaign)
        raise Unavailable("database_unavailable", "Killed.")

    with monkeypatch.context() as killed:
        killed.setattr(SqlCampaigns, "insert", dying)
        with pytest.raises(Unavailable):
            await office.sender.send(item.id)
    assert await office.campaign(item) is None
    answers = await asyncio.gather(*(office.sender.send(item.id) for _ in range(4)))
    assert set(answers) == {campaign_id_for(item.id)}
    assert [status for _, status in office.rails.told] == [CampaignStatus.RUNNING]
    known = await office.campaign(item)
    change = AmendAnnouncement.model_validate({"title": "Later", "content": "Other."})
    await office.service.update(item.id, change, "test")
    assert await office.sender.send(item.id) == campaign_id_for(item.id)
    assert await office.campaign(item) == known


async def test_one_that_is_over_or_only_shown_is_not_sent(office: Office, core: Core) -> None:
    user = await core.user()
    shown = await office.make(audience={"userIds": [user]})
    later = await office.make(channels=["email"], startsAt=(now() + HOUR).isoformat())
    gone = await office.make(audience={"userIds": [user]}, channels=["email"])
    await office.service.withdraw(gone.id, "test")
    for item in (shown, later, gone):
        assert await office.sender.send(item.id) is None
        assert await office.campaign(item) is None
        assert await office.sender.recall(item.id) == 0
    assert await office.sender.send(new_id()) is None
    assert await office.sender.recall(new_id()) == 0
    assert office.rails.told == []


@pytest.mark.parametrize("how", ["withdrawn", "ended"])
async def test_what_is_over_is_recalled_where_it_waits(
    office: Office, core: Core, database: str, how: str
) -> None:
    users = [await core.user() for _ in range(5)]
    item = await office.make(audience={"userIds": users}, channels=["email"])
    await office.sender.send(item.id)
    assert await office.freeze(item) == 5
    assert await office.sender.recall(item.id) == 0
    sql = await asyncpg.connect(database)
    await sql.execute(
        "update campaign_recipients set status = 'sent' where campaign_id = $1 and ordinal = 0",
        campaign_id_for(item.id),
    )
    if how == "withdrawn":
        await office.service.withdraw(item.id, "test")
    else:
        await sql.execute("update announcements set ends_at = now() where id = $1", item.id)
    await sql.close()
    for _ in range(2):
        assert await office.sender.recall(item.id) == 4
    view = await office.campaigns.accounts(campaign_id_for(item.id))
    assert view.campaign.status is CampaignStatus.CANCELLED
    assert (view.counts.sent, view.counts.skipped) == (1, {"cancelled": 4})


async def test_what_has_all_left_is_not_recalled(office: Office, core: Core, database: str) -> None:
    item = await office.make(audience={"userIds": [await core.user()]}, channels=["email"])
    await office.sender.send(item.id)
    await office.freeze(item)
    sql = await asyncpg.connect(database)
    await sql.execute(
        "update campaign_recipients set status = 'sent' where campaign_id = $1",
        campaign_id_for(item.id),
    )
    await sql.close()
    await office.running.finish(
        FinishCampaignInput(campaign_id=campaign_id_for(item.id), now=now())
    )
    await office.service.withdraw(item.id, "test")
    assert await office.sender.recall(item.id) == 0
    campaign = await office.campaign(item)
    assert campaign is not None
    assert campaign.status is CampaignStatus.COMPLETED


async def test_a_list_that_is_gone_is_empty(office: Office, core: Core) -> None:
    user = await core.user()
    async with office.uow() as tx:
        listed = AudienceList(new_id(), "a list", 0, 0, 0, now())
        await tx.audience_lists.insert(listed)
        await tx.audience_lists.add(listed.id, [user])
    item = await office.make(audience={"list": str(listed.id)}, channels=["email"])
    async with office.uow() as tx:
        assert await tx.membership.concerning(user, [item.id]) == {item.id}
        assert await tx.audience_lists.delete(listed.id)
    async with office.uow() as tx:
        assert await tx.membership.concerning(user, [item.id]) == frozenset()
    await office.service.update(
        item.id, AmendAnnouncement.model_validate({"title": "Still"}), "test"
    )
    assert await office.sender.send(item.id) == campaign_id_for(item.id)
    assert await office.freeze(item) == 0


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
