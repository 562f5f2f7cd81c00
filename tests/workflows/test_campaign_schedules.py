"""Recurring campaigns on a real server: the server's own next times are those our rule says."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any

import pytest
from temporalio.client import ScheduleHandle, WorkflowExecutionStatus
from temporalio.service import RPCError, RPCStatusCode

from domain.audience.shapes import Audience
from domain.campaigns.ids import campaign_schedule_id, campaign_workflow_id
from domain.campaigns.records import Campaign, CampaignStatus
from domain.campaigns.recurrence import recurrence_of
from domain.campaigns.shapes import CampaignWords, Schedule
from domain.enums import Category, Channel
from domain.ids import new_id
from runtime.campaign_gateway import TemporalCampaigns
from tests.workflows.book import Sends
from tests.workflows.world import World

NOW = datetime.now(UTC)
YEAR = NOW.year + 1
BERLIN = {"timezone": "Europe/Berlin"}
NIGHTS = [{"times": ["02:30"]}]


def recurring(**schedule: Any) -> Campaign:
    return Campaign(
        id=new_id(), name="Weekly", type="newsletter", category=Category.MARKETING,
        channels=(Channel.EMAIL,), words=CampaignWords(), audience=Audience(everyone=True),
        status=CampaignStatus.SCHEDULED, created_at=NOW, updated_at=NOW,
        schedule=Schedule.model_validate(schedule),
    )  # fmt: skip


async def told(world: World, campaign: Campaign) -> ScheduleHandle:
    await TemporalCampaigns(world.client, world.gateway).tell(campaign)
    return world.client.get_schedule_handle(campaign_schedule_id(campaign.id))


@pytest.mark.parametrize(
    "schedule",
    [
        {"cron": "0 9 * * MON-FRI", **BERLIN},
        {"cron": "0 9 13 * FRI"},
        {"cron": "30 17 L * *", **BERLIN},
        {"cron": "*/20 8-9 * * 7", "timezone": "Asia/Kathmandu"},
        {
            "calendar": [
                {"daysOfWeek": ["mon", "thu"], "times": ["09:00", "17:30"]},
                {"daysOfMonth": [1, -1], "months": [2, 4, 12], "times": ["09:00", "12:00"]},
            ],
            **BERLIN, "from": f"{YEAR}-02-20", "until": f"{YEAR}-03-02",
            "except": [f"{YEAR}-02-25", {"daysOfMonth": [1]}],
        },
        {"calendar": [{"daysOfMonth": [29], "months": [2], "times": ["10:00"]}]},
        # Around clock changes: in a gap, and what happens twice.
        {"calendar": NIGHTS, **BERLIN, "from": f"{YEAR}-03-24"},
        {"calendar": NIGHTS, **BERLIN, "from": f"{YEAR}-10-25"},
        {"calendar": NIGHTS, "timezone": "America/New_York", "from": f"{YEAR}-03-07"},
        {"calendar": [{"times": ["00:30"]}], "timezone": "America/Havana", "from": f"{YEAR}-03-07"},
        {"calendar": [{"times": ["01:45"]}], "timezone": "Australia/Lord_Howe",
         "from": f"{YEAR}-04-01"},
        {"calendar": [{"times": ["02:15"]}], "timezone": "Australia/Lord_Howe",
         "from": f"{YEAR}-10-01"},
        # At a local time everywhere.
        {"localTime": "09:00", "calendar": [{"daysOfWeek": ["mon"]}], **BERLIN},
        {"localTime": "23:45", "calendar": [{"daysOfMonth": [1]}], "from": f"{YEAR}-01-01"},
    ],
)  # fmt: skip
async def test_the_server_means_the_same_times(world: World, schedule: dict[str, Any]) -> None:
    campaign = recurring(**schedule)
    world.book.add(Sends(id=campaign.id, status=CampaignStatus.SCHEDULED))
    handle = await told(world, campaign)
    assert campaign.schedule is not None
    rule = recurrence_of(campaign.schedule)
    coming = list(islice(rule.after(datetime.now(UTC)), 10))
    times = (await handle.describe()).info.next_action_times
    meant = list(dict.fromkeys(rule.near(at) for at in times))
    assert meant == coming[: len(meant)]
    assert len(meant) >= min(6, len(coming))
    await handle.delete()
    if campaign.schedule.until is not None:
        workflow = world.client.get_workflow_handle(campaign_workflow_id(campaign.id))
        await workflow.terminate()


async def test_it_is_changed_paused_and_resumed_as_one_schedule(world: World) -> None:
    weekly = recurring(cron="0 9 * * MON", **BERLIN)
    handle = await told(world, weekly)
    kept = (await handle.describe()).schedule
    assert kept.policy.catchup_window == timedelta(hours=1)

    local = {"localTime": "08:00", "calendar": [{"daysOfWeek": ["tue"]}]}
    changed = replace(weekly, schedule=Schedule.model_validate(local), updated_at=datetime.now(UTC))
    await told(world, changed)
    found = await handle.describe()
    assert found.schedule.policy.catchup_window == timedelta(hours=15)
    assert {at.weekday() for at in found.info.next_action_times} == {0}, "Tuesday in the first zone"
    assert {at.hour for at in found.info.next_action_times} == {18}

    await told(world, replace(changed, status=CampaignStatus.PAUSED))
    assert (await handle.describe()).schedule.state.paused
    await told(world, changed)
    assert not (await handle.describe()).schedule.state.paused
    await told(world, replace(changed, status=CampaignStatus.CANCELLED))
    with pytest.raises(RPCError) as gone:
        await handle.describe()
    assert gone.value.status is RPCStatusCode.NOT_FOUND


async def test_one_that_ends_has_a_workflow_that_waits_for_it(world: World) -> None:
    campaign = recurring(cron="0 9 * * MON", until=f"{YEAR}-01-31")
    case = world.book.add(
        Sends(id=campaign.id, status=CampaignStatus.SCHEDULED, starts_after=timedelta(days=9))
    )
    await told(world, campaign)
    workflow = world.client.get_workflow_handle(campaign_workflow_id(campaign.id))
    assert (await workflow.describe()).status is WorkflowExecutionStatus.RUNNING
    case.status = CampaignStatus.CANCELLED
    await told(world, replace(campaign, status=CampaignStatus.CANCELLED))
    await workflow.result()
    assert (case.frozen, case.attempts) == ([], [])

    endless = recurring(cron="0 9 * * MON")
    handle = await told(world, endless)
    workflow = world.client.get_workflow_handle(campaign_workflow_id(endless.id))
    with pytest.raises(RPCError) as nothing:
        await workflow.describe()
    assert nothing.value.status is RPCStatusCode.NOT_FOUND
    await handle.delete()
