"""Whole campaigns on real services, a real database and a server whose time is skipped: local times
in many zones, a month of a recurring one, and a test that decides."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from uuid import UUID, uuid4

import pytest
from temporalio.client import ScheduleBackfill, ScheduleOverlapPolicy
from temporalio.service import RPCError

from domain.callbacks import EngagementKind
from domain.campaigns.ids import campaign_schedule_id, campaign_workflow_id
from domain.campaigns.messages import CampaignInput
from domain.campaigns.records import Campaign, CampaignStatus
from domain.campaigns.shapes import Schedule
from domain.ids import CAMPAIGNS_QUEUE
from domain.paging import PageRequest
from domain.preferences import Preferences
from runtime.campaign_gateway import TemporalCampaigns
from runtime.embedded.stack import EmbeddedStack
from storage.uow import SqlUnitOfWork
from tests.integration.campaigns.conftest import ACTOR, BatchVendor, Bench, email, emails
from tests.workflows.world import CampaignHandle, World, open_world, prepare
from workflows.campaign import CampaignWorkflow

SOON = timedelta(seconds=90)
AT = time(2, 30)
DAY = timedelta(days=1)
ZONES = {
    "Pacific/Kiritimati": (-1, time(12, 30)),
    "Pacific/Auckland": (-1, time(13, 30)),
    "Australia/Lord_Howe": (-1, time(15, 30)),
    "Asia/Kathmandu": (-1, time(20, 45)),
    "Asia/Kolkata": (-1, time(21, 0)),
    "Europe/Berlin": (0, time(1, 0)),  # 02:30 is skipped: the moment clocks go from 2 to 3
    "Europe/London": (0, time(1, 30)),
    "America/St_Johns": (0, time(5, 0)),
    "America/New_York": (0, time(6, 30)),
    "Pacific/Honolulu": (0, time(12, 30)),
}
"""When it is 02:30 on the last Sunday of March there: days after it, and the time in UTC."""
USUAL = "America/Sao_Paulo"
USUAL_AT = time(5, 30)


def last_sunday_of_march(year: int) -> date:
    last = date(year, 3, 31)
    return last - timedelta(days=(last.weekday() + 1) % 7)


@pytest.fixture(scope="module")
async def services(uow: SqlUnitOfWork) -> Bench:
    return Bench(uow)


@pytest.fixture
def bench(services: Bench) -> Bench:
    """With a vendor that has seen nothing yet."""
    services.vendor = BatchVendor(name="first")
    return services


@pytest.fixture(scope="module")
async def world(stack: EmbeddedStack, services: Bench) -> AsyncIterator[World]:
    namespace = f"campaigns-{uuid4().hex[:12]}"
    await prepare(stack.temporal_address, namespace)
    async with open_world(
        stack.temporal_address, namespace, run=services.run, chunks=services.chunks
    ) as world:
        yield world


async def started(world: World, campaign: Campaign) -> CampaignHandle:
    return await world.skipping.client.start_workflow(
        CampaignWorkflow.run,
        CampaignInput(campaign_id=campaign.id),
        id=campaign_workflow_id(campaign.id),
        task_queue=CAMPAIGNS_QUEUE,
    )


async def test_a_local_time_in_ten_zones_on_the_night_clocks_change(
    world: World, bench: Bench
) -> None:
    day = last_sunday_of_march(datetime.now(UTC).year + 1)
    due = {zone: datetime.combine(day + days * DAY, at, UTC) for zone, (days, at) in ZONES.items()}
    people = {zone: (await bench.users(1, timezone=zone))[0] for zone in ZONES}
    [nowhere] = await bench.users(1, timezone=None)
    [moved] = await bench.users(1, timezone="Asia/Kolkata")
    [sleeper] = await bench.users(1, timezone="Europe/London")
    nights = {"enabled": True, "start": "22:00", "end": "07:00"}
    async with bench.uow() as tx:
        wishes = {"userId": moved, "timezone": "Pacific/Honolulu"}
        await tx.users.put_preferences(Preferences.model_validate(wishes), bench.now())
        wishes = {"userId": sleeper, "quietHours": nights}
        await tx.users.put_preferences(Preferences.model_validate(wishes), bench.now())
    expected = {email(people[zone]): due[zone] for zone in ZONES} | {
        email(nowhere): datetime.combine(day, USUAL_AT, UTC),
        email(moved): due["Pacific/Honolulu"],
        email(sleeper): datetime.combine(day, time(6, 0), UTC),  # seven o'clock, summer time
    }
    campaign = await bench.draft([*people.values(), nowhere, moved, sleeper])
    schedule = Schedule(local_time=AT, date=day, timezone=USUAL)
    scheduled = await bench.campaigns.schedule(campaign.id, schedule, ACTOR)
    assert scheduled.status is CampaignStatus.SCHEDULED

    state = await (await started(world, campaign)).result()
    assert state.status is CampaignStatus.COMPLETED
    bench.vendor.assert_once(list(expected))
    for address, at in expected.items():
        left = bench.vendor.words[address].first_tried_at
        assert left is not None
        assert at <= left < at + SOON, (address, at, left)
    accounts = await bench.accounts(campaign)
    assert accounts["sent"] == len(expected)


async def test_a_test_decides_after_four_hours_and_the_rest_gets_the_winner(
    world: World, bench: Bench
) -> None:
    users = await bench.users(60)
    variants = [{"name": "A", "subject": "Plain"}, {"name": "B", "subject": "Better"}]
    campaign = await bench.draft(
        users, test={"variants": variants, "fraction": 0.5, "decideAfter": "PT4H"}
    )
    await bench.campaigns.send(campaign.id, ACTOR)

    async def who_got_b_clicks() -> None:
        for one in await bench.recipients(campaign):
            if one.variant == "B":
                await bench.engagement.record(
                    campaign.id, one.ordinal, EngagementKind.CLICKED, bench.now()
                )

    bench.vendor.steps = [bench.vendor.meanwhile(who_got_b_clicks)]
    state = await (await started(world, campaign)).result()
    assert state.status is CampaignStatus.COMPLETED
    ended = await bench.campaigns.get(campaign.id)
    assert ended.winner == 1
    assert (ended.reason or "").startswith("winner_")
    bench.vendor.assert_once(emails(users))
    tested = {r.user_id: r.variant for r in await bench.recipients(campaign) if r.variant}
    assert 10 < len(tested) < 50
    for user in users:
        said = bench.vendor.words[email(user)].message.subject
        assert said == ("Plain" if tested.get(user) == "A" else "Better")
    first = min(m.first_tried_at for m in bench.vendor.words.values() if m.first_tried_at)
    rest = [bench.vendor.words[email(user)].first_tried_at for user in users if user not in tested]
    assert all(at is not None and at >= first + timedelta(hours=4) for at in rest)


async def test_a_cap_below_a_chunk_lets_all_of_it_go_in_the_end(world: World, bench: Bench) -> None:
    users = await bench.users(5)
    campaign = await bench.draft(users, rate={"perMinute": 2})
    await bench.campaigns.send(campaign.id, ACTOR)
    state = await asyncio.wait_for((await started(world, campaign)).result(), 30)
    assert state.status is CampaignStatus.COMPLETED
    bench.vendor.assert_once(emails(users))
    assert [len(messages) for _, messages in bench.vendor.calls] == [2, 2, 1]


async def occurrences(bench: Bench, parent: UUID) -> list[Campaign]:
    found = await bench.campaigns.list(PageRequest(200), None)
    return [one for one in found.items if one.parent_id == parent]


async def until_completed(bench: Bench, parent: UUID, count: int) -> list[Campaign]:
    async with asyncio.timeout(60):
        while True:
            found = await occurrences(bench, parent)
            if [one.status for one in found].count(CampaignStatus.COMPLETED) == count:
                return found
            await asyncio.sleep(0.1)


def four_weeks() -> ScheduleBackfill:
    now = datetime.now(UTC)
    return ScheduleBackfill(
        start_at=now - 28 * DAY, end_at=now, overlap=ScheduleOverlapPolicy.ALLOW_ALL
    )


async def test_a_month_of_a_weekly_campaign(world: World, bench: Bench) -> None:
    users = await bench.users(5)
    gateway = TemporalCampaigns(world.client, world.gateway)
    draft = await bench.draft(users)
    weekly = Schedule(cron="0 9 * * MON", timezone="Europe/Berlin")
    parent = await bench.campaigns.schedule(draft.id, weekly, ACTOR)
    await gateway.tell(parent)
    await gateway.tell(parent)
    handle = world.client.get_schedule_handle(campaign_schedule_id(parent.id))
    month = four_weeks()
    await handle.backfill(month)
    found = await until_completed(bench, parent.id, 4)
    assert len(found) == 4
    instants = sorted(one.occurs_at for one in found if one.occurs_at)
    assert [later - earlier for earlier, later in pairwise(instants)] == [7 * DAY] * 3
    assert all(at.weekday() == 0 and at.hour in {7, 8} for at in instants)
    assert {bench.vendor.received[address] for address in emails(users)} == {4}

    # The same weeks again make nothing new, and who wakes an occurrence finds its workflow.
    await handle.backfill(month)
    for one in found:
        await gateway.tell(one)
        workflow = world.client.get_workflow_handle(campaign_workflow_id(one.id))
        assert (await workflow.describe()).status is not None
    paused = await bench.campaigns.pause(parent.id, ACTOR)
    await gateway.tell(paused)
    kept = (await handle.describe()).schedule
    assert kept.state.paused
    assert kept.policy.catchup_window == timedelta(hours=1)
    resumed = await bench.campaigns.resume(parent.id, ACTOR)
    await gateway.tell(resumed)
    assert not (await handle.describe()).schedule.state.paused
    view = await bench.campaigns.cancel(parent.id, ACTOR)
    await gateway.tell(view.campaign)
    await gateway.tell(view.campaign)
    with pytest.raises(RPCError):
        await handle.describe()
    assert len(await occurrences(bench, parent.id)) == 4
    assert {bench.vendor.received[address] for address in emails(users)} == {4}


async def test_told_again_and_again_it_is_one_workflow(world: World, bench: Bench) -> None:
    users = await bench.users(3)
    gateway = TemporalCampaigns(world.client, world.gateway)
    draft = await bench.draft(users)
    soon = Schedule(at=datetime.now(UTC) + timedelta(days=2))
    scheduled = await bench.campaigns.schedule(draft.id, soon, ACTOR)
    await asyncio.gather(*(gateway.tell(scheduled) for _ in range(3)))
    earlier = Schedule(at=datetime.now(UTC) + timedelta(seconds=0.5))
    await gateway.tell(await bench.campaigns.schedule(draft.id, earlier, ACTOR))
    handle = world.client.get_workflow_handle_for(
        CampaignWorkflow.run, campaign_workflow_id(draft.id)
    )
    assert (await handle.result()).status is CampaignStatus.COMPLETED
    await gateway.tell(scheduled)
    bench.vendor.assert_once(emails(users))


async def test_a_campaign_whose_workflow_was_ended_from_outside_is_revived(
    world: World, bench: Bench
) -> None:
    users = await bench.users(3)
    gateway = TemporalCampaigns(world.client, world.gateway)
    draft = await bench.draft(users)
    schedule = Schedule(at=datetime.now(UTC) + timedelta(days=2))
    await gateway.tell(await bench.campaigns.schedule(draft.id, schedule, ACTOR))
    handle = world.client.get_workflow_handle_for(
        CampaignWorkflow.run, campaign_workflow_id(draft.id)
    )
    await handle.terminate("by an operator")
    await gateway.tell(await bench.campaigns.send(draft.id, ACTOR))
    assert (await handle.result()).status is CampaignStatus.COMPLETED
    bench.vendor.assert_once(emails(users))
