"""A month of a recurring campaign at a local time, on real services and a server whose time is
skipped: every recipient at the right instant on each of its dates, then the end."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from datetime import UTC, date, datetime, time, timedelta
from uuid import UUID, uuid4

import pytest
from temporalio.common import SearchAttributePair, TypedSearchAttributes
from temporalio.service import RPCError

from domain.campaigns.ids import campaign_schedule_id, campaign_workflow_id
from domain.campaigns.messages import CampaignInput, CampaignState
from domain.campaigns.records import Campaign, CampaignStatus
from domain.campaigns.shapes import Schedule
from domain.ids import CAMPAIGNS_QUEUE
from domain.rules.local_time import first_instant, zone_of
from runtime.campaign_gateway import TemporalCampaigns
from runtime.embedded.stack import EmbeddedStack
from storage.uow import SqlUnitOfWork
from tests.integration.campaigns.conftest import ACTOR, Bench, email
from tests.workflows.world import CampaignHandle, World, open_world, prepare
from workflows.campaign import SCHEDULED_START, CampaignWorkflow

SOON = timedelta(seconds=90)
AT = time(2, 30)
YEAR = datetime.now(UTC).year + 1
USUAL = "America/Sao_Paulo"
ZONES = (
    "Pacific/Kiritimati",
    "Australia/Lord_Howe",
    "Asia/Kathmandu",
    "Europe/Berlin",
    "America/New_York",
    "Pacific/Pago_Pago",
)
SUNDAYS = [day for day in (date(YEAR, 3, n) for n in range(1, 32)) if day.weekday() == 6]
SPRING = {
    ("America/New_York", SUNDAYS[1]): datetime.combine(SUNDAYS[1], time(7), UTC),
    ("Europe/Berlin", SUNDAYS[-1]): datetime.combine(SUNDAYS[-1], time(1), UTC),
}
"""Where 02:30 is left out: the moment clocks go from two to three."""


@pytest.fixture(scope="module")
async def bench(uow: SqlUnitOfWork) -> Bench:
    return Bench(uow)


@pytest.fixture(scope="module")
async def world(stack: EmbeddedStack, bench: Bench) -> AsyncIterator[World]:
    namespace = f"recurring-{uuid4().hex[:12]}"
    await prepare(stack.temporal_address, namespace)
    async with open_world(
        stack.temporal_address, namespace, run=bench.run, chunks=bench.chunks
    ) as world:
        yield world


async def occurred(world: World, parent: Campaign, at: datetime) -> CampaignState:
    """As the schedule starts it at that time; then until the occurrence is over."""
    fired = await world.skipping.client.start_workflow(
        CampaignWorkflow.run,
        CampaignInput(campaign_id=parent.id, recurring=True),
        id=f"{campaign_workflow_id(parent.id)}/occurrence-{at.isoformat()}",
        task_queue=CAMPAIGNS_QUEUE,
        search_attributes=TypedSearchAttributes([SearchAttributePair(SCHEDULED_START, at)]),
    )
    occurrence: CampaignHandle = world.client.get_workflow_handle_for(
        CampaignWorkflow.run, campaign_workflow_id((await fired.result()).campaign_id)
    )
    return await occurrence.result()


def instants_left(
    bench: Bench, zones: Mapping[str, str], dates: Mapping[UUID, date]
) -> dict[tuple[str, date], datetime | None]:
    """By zone and date: when the message left."""
    return {
        (zones[message.target], dates[message.campaign_id]): message.first_tried_at
        for _, messages in bench.vendor.calls
        for message in messages
        if message.campaign_id is not None
    }


async def test_a_month_of_sundays_at_half_past_two_everywhere(world: World, bench: Bench) -> None:
    people = {zone: (await bench.users(1, timezone=zone))[0] for zone in ZONES}
    [nowhere] = await bench.users(1, timezone=None)
    zones = {email(people[zone]): zone for zone in ZONES} | {email(nowhere): USUAL}
    draft = await bench.draft([*people.values(), nowhere])
    sundays = Schedule.model_validate(
        {
            "localTime": AT, "calendar": [{"daysOfWeek": ["sun"]}], "timezone": USUAL,
            "from": date(YEAR, 3, 1), "until": date(YEAR, 3, 31),
        }
    )  # fmt: skip
    parent = await bench.campaigns.schedule(draft.id, sundays, ACTOR)
    gateway = TemporalCampaigns(world.by_hand.client, world.gateway)
    await gateway.tell(parent)
    kept = world.client.get_schedule_handle(campaign_schedule_id(parent.id))
    times = (await kept.describe()).info.next_action_times
    assert len(times) == len(SUNDAYS)

    states = await asyncio.gather(*(occurred(world, parent, at) for at in times))
    assert {state.status for state in states} == {CampaignStatus.COMPLETED}
    dates = {state.campaign_id: day for state, day in zip(states, SUNDAYS, strict=True)}
    left = instants_left(bench, zones, dates)
    assert set(bench.vendor.received.values()) == {len(SUNDAYS)}
    assert len(left) == len(zones) * len(SUNDAYS)
    for (zone, day), at in left.items():
        due = SPRING.get((zone, day)) or first_instant(day, AT, zone_of(zone))
        assert at is not None
        assert due <= at < due + SOON, (zone, day, at)
    assert SPRING.keys() <= left.keys()

    own = world.client.get_workflow_handle_for(
        CampaignWorkflow.run, campaign_workflow_id(parent.id)
    )
    await world.by_hand.fast_forward(own)
    assert (await own.result()).status is CampaignStatus.COMPLETED
    ended = await bench.campaigns.get(parent.id)
    assert (ended.status, ended.schedule) == (CampaignStatus.COMPLETED, sundays)
    await gateway.tell(ended)
    with pytest.raises(RPCError):
        await kept.describe()
