"""Announcements on the real parts: a workflow in skipped time over a real database, sent besides,
recalled, and carried on after whatever was lost."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest
from temporalio.client import Client
from temporalio.testing import TimeSkipper, TimeSkippingConfig
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

from activities.announcements import AnnouncementActivities
from domain.announcement_messages import AdvanceInput, AnnouncementInput
from domain.announcements import (
    ANNOUNCEMENTS_QUEUE,
    AmendAnnouncement,
    Announcement,
    AnnouncementStatus,
    NewAnnouncement,
    announcement_workflow_id,
    notification_id_for,
)
from domain.commands import NewNotification
from domain.enums import Channel, NotificationStatus
from domain.errors import HeraldError, Unavailable
from runtime.embedded.stack import EmbeddedStack
from runtime.temporal import TemporalGateway, connect_worker
from services import announcement_relay, announcements
from services.accept import AcceptService
from services.announcement_relay import AnnouncementRelay
from services.announcement_sender import NotificationSender
from services.announcements import AnnouncementService
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


class Office:
    """The services around announcements, and what they told."""

    def __init__(self, core: Core, batch: int = 3) -> None:
        self.uow = core.uow
        self.bus = Bus()
        self.service = AnnouncementService(core.uow, self.bus, Forgetful(), now)
        self.sender = NotificationSender(core.uow, core.accepting, core.cancelling, now, batch)

    async def make(self, **fields: Any) -> Announcement:
        body = {"title": "T", "content": "C"} | fields
        return await self.service.create(NewAnnouncement.model_validate(body), "test")


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


async def statuses(office: Office, item: Announcement, users: Sequence[str]) -> list[Any]:
    async with office.uow() as tx:
        views = [await tx.notifications.get(notification_id_for(item.id, user)) for user in users]
    return [view.notification.status if view else None for view in views]


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
    assert (after.sent_count, after.sent_at is not None) == (7, True)
    assert await statuses(office, item, users) == [NotificationStatus.ACCEPTED] * 7
    async with office.uow() as tx:
        [sent] = [await tx.notifications.get(notification_id_for(item.id, users[0]))]
    assert sent is not None
    assert sent.notification.channels == (Channel.EMAIL, Channel.PUSH)
    assert (sent.notification.type, sent.content.title) == ("announcement", "T")
    assert sent.notification.expires_at == after.ends_at


async def test_a_rerun_of_the_sending_doubles_nothing(
    office: Office, core: Core, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The attempt dies after a batch is stored and before it is noted, again and again."""
    for _ in range(8):
        await core.user()
    item = await office.make(channels=["email"])
    sql = await asyncpg.connect(database)
    living = await sql.fetchval("select count(*) from users where deleted_at is null")
    moves = AcceptService.accept_many

    async def dying(
        self: AcceptService, items: Sequence[NewNotification], **named: Any
    ) -> list[UUID | HeraldError]:
        await moves(self, items, **named)
        raise Unavailable("database_unavailable", "Killed.")

    with monkeypatch.context() as killed:
        killed.setattr(AcceptService, "accept_many", dying)
        for _ in range(2):
            with pytest.raises(Unavailable):
                await office.sender.send(item.id)
    assert await office.sender.send(item.id) == living
    assert await office.sender.send(item.id) == living
    count = (
        "select count(*), count(distinct user_id) from notifications where type = 'announcement'"
    )
    assert tuple(await sql.fetchrow(f"{count} and created_at >= $1", item.created_at)) == (
        living, living,
    )  # fmt: skip
    await sql.close()


async def test_withdrawn_it_is_recalled_where_it_waits(office: Office, core: Core) -> None:
    users = [await core.user() for _ in range(5)]
    item = await office.make(audience={"userIds": users}, channels=["email"])
    assert await office.sender.send(item.id) == 5
    assert await office.sender.recall(item.id) == 0
    sent = notification_id_for(item.id, users[0])
    await core.plan(sent)
    await core.deliver(sent)
    await office.service.withdraw(item.id, "test")
    assert await office.sender.recall(item.id) == 4
    assert await office.sender.recall(item.id) == 0
    assert await statuses(office, item, users) == [
        NotificationStatus.SENT, *[NotificationStatus.CANCELLED] * 4,
    ]  # fmt: skip
    assert await office.sender.send(item.id) == 5
    assert len(core.provider.sent) == 1


async def test_sending_stops_when_it_is_withdrawn(office: Office, core: Core) -> None:
    users = sorted([await core.user() for _ in range(5)])
    item = await office.make(audience={"userIds": users}, channels=["email"])
    once = NotificationSender(core.uow, core.accepting, core.cancelling, now, batch=2)
    accepting = core.accepting.accept_many

    async def then_withdrawn(
        items: Sequence[NewNotification], **named: Any
    ) -> list[UUID | HeraldError]:
        answers = await accepting(items, **named)
        await office.service.withdraw(item.id, "test")
        return answers

    core.accepting.accept_many = then_withdrawn  # type: ignore[method-assign]
    assert await once.send(item.id) == 2
    assert (await statuses(office, item, users))[2:] == [None] * 3


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
