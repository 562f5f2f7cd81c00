"""Recurring campaigns: each occurrence made once, at the instant that is meant, until the end."""

from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import asyncpg
import pytest

from domain.campaigns.messages import CampaignState, FreezeInput, OpenInput
from domain.campaigns.records import Campaign, CampaignStatus
from domain.campaigns.shapes import AmendCampaign, Schedule
from domain.campaigns.timing import CATCH_UP
from domain.errors import Invalid
from tests.integration.campaigns.conftest import ACTOR, Bench

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
YEAR = datetime.now(UTC).year + 1
BERLIN = "Europe/Berlin"
SCHEDULED, COMPLETED = CampaignStatus.SCHEDULED, CampaignStatus.COMPLETED


async def recurring(bench: Bench, users: list[str], **schedule: Any) -> Campaign:
    draft = await bench.draft(users)
    return await bench.campaigns.schedule(draft.id, Schedule.model_validate(schedule), ACTOR)


async def occurred(bench: Bench, parent: Campaign, at: datetime) -> CampaignState:
    """Temporal's schedule fires, for `at`."""
    return await bench.run.open(OpenInput(campaign_id=parent.id, now=at, occurs_at=at))


async def looked(bench: Bench, parent: Campaign, now: datetime) -> CampaignState:
    """The recurring campaign's own workflow asks how it stands."""
    return await bench.run.open(OpenInput(campaign_id=parent.id, now=now))


async def completions(database: str, campaign: Campaign) -> int:
    connection = await asyncpg.connect(database)
    try:
        found: int = await connection.fetchval(
            "select count(*) from event_log where type = 'campaign.completed'"
            " and detail ->> 'campaignId' = $1 and detail ->> 'status' = 'completed'",
            str(campaign.id),
        )
    finally:
        await connection.close()
    return found


async def test_each_occurrence_is_made_once(bench: Bench) -> None:
    parent = await recurring(bench, await bench.users(2), cron="0 9 * * MON", timezone=BERLIN)
    at = parent.starts_at
    assert at is not None
    first = await occurred(bench, parent, at)
    assert await occurred(bench, parent, at) == first
    assert first.campaign_id != parent.id
    assert first.status is CampaignStatus.RUNNING
    occurrence = await bench.campaigns.get(first.campaign_id)
    assert (occurrence.parent_id, occurrence.occurs_at, occurrence.schedule) == (
        parent.id, at, None,
    )  # fmt: skip
    # A plain look at the recurring one never starts it.
    assert (await looked(bench, parent, at + 30 * DAY)).status is SCHEDULED
    await bench.campaigns.pause(parent.id, ACTOR)
    later = await occurred(bench, parent, at + 7 * DAY)
    assert later.status is CampaignStatus.CANCELLED


def change_of(month: int) -> date:
    last = date(YEAR, month, 31)
    return last - timedelta(days=(last.weekday() + 1) % 7)


async def test_what_the_clock_shows_twice_occurs_once(bench: Bench) -> None:
    parent = await recurring(bench, await bench.users(1), cron="30 2 * * *", timezone=BERLIN)
    first = datetime.combine(change_of(10), time(0, 30), UTC)
    made = [await occurred(bench, parent, at) for at in (first, first + HOUR)]
    assert made[0] == made[1]
    assert (await bench.campaigns.get(made[0].campaign_id)).occurs_at == first
    tomorrow = await occurred(bench, parent, first + DAY + HOUR)
    assert tomorrow.campaign_id != made[0].campaign_id


async def test_one_that_is_meant_for_later_waits_for_it(bench: Bench) -> None:
    """An older database of zones fires an hour early."""
    parent = await recurring(bench, await bench.users(1), cron="0 9 * * MON", timezone=BERLIN)
    at = parent.starts_at
    assert at is not None
    early = await occurred(bench, parent, at - HOUR)
    assert (early.status, early.starts_at) == (SCHEDULED, at)
    assert (await occurred(bench, parent, at)).campaign_id == early.campaign_id


async def test_an_occurrence_at_a_local_time_is_sent_zone_by_zone(bench: Bench) -> None:
    zones = ("Pacific/Auckland", "Asia/Kolkata", "America/New_York", None)
    people = {zone: (await bench.users(1, timezone=zone))[0] for zone in zones}
    users = list(people.values())
    monday = date(2027, 3, 22)  # clocks have changed in America, and not yet in Europe
    parent = await recurring(
        bench, users, localTime="08:30", calendar=[{"daysOfWeek": ["mon"]}], timezone=BERLIN
    )
    begins = datetime.combine(monday, time(8, 30), UTC) - timedelta(hours=14)
    state = await occurred(bench, parent, begins)
    assert state.status is CampaignStatus.RUNNING
    occurrence = await bench.campaigns.get(state.campaign_id)
    assert occurrence.schedule == Schedule(local_time=time(8, 30), date=monday, timezone=BERLIN)
    assert occurrence.occurs_at == occurrence.starts_at == begins
    frozen = await bench.run.freeze(FreezeInput(campaign_id=occurrence.id, now=begins))
    assert len(frozen.partitions) == 4
    due = {one.user_id: one.due_at for one in await bench.recipients(occurrence)}
    assert due == {
        people["Pacific/Auckland"]: datetime(2027, 3, 21, 19, 30, tzinfo=UTC),
        people["Asia/Kolkata"]: datetime(2027, 3, 22, 3, 0, tzinfo=UTC),
        people[None]: datetime(2027, 3, 22, 7, 30, tzinfo=UTC),
        people["America/New_York"]: datetime(2027, 3, 22, 12, 30, tzinfo=UTC),
    }
    # Fired by an older database of zones, or twice: the same date.
    assert (await occurred(bench, parent, begins + HOUR)).campaign_id == occurrence.id


@pytest.mark.parametrize(
    ("schedule", "over_at"),
    [
        (
            {"cron": "0 9 * * MON", "timezone": BERLIN, "until": f"{YEAR}-01-31"},
            datetime(YEAR, 1, 31, 23, tzinfo=UTC),
        ),
        (  # when it is nine in the last zone
            {"localTime": "09:00", "calendar": [{}], "until": f"{YEAR}-01-31"},
            datetime(YEAR, 1, 31, 21, tzinfo=UTC),
        ),
    ],
)
async def test_after_its_last_date_it_is_completed(
    bench: Bench, database: str, schedule: dict[str, Any], over_at: datetime
) -> None:
    over_at += CATCH_UP
    parent = await recurring(bench, await bench.users(1), **schedule)
    second = timedelta(seconds=1)
    waiting = await looked(bench, parent, over_at - second)
    assert (waiting.status, waiting.starts_at) == (SCHEDULED, over_at)
    await bench.campaigns.pause(parent.id, ACTOR)
    assert (await looked(bench, parent, over_at)).status is CampaignStatus.PAUSED
    await bench.campaigns.resume(parent.id, ACTOR)
    changed = await bench.campaigns.amend(parent.id, AmendCampaign(subject="Last words"), ACTOR)
    assert changed.words.subject == "Last words"

    assert (await looked(bench, parent, over_at)).status is COMPLETED
    assert (await looked(bench, parent, over_at + DAY)).status is COMPLETED
    assert await completions(database, parent) == 1
    ended = await bench.campaigns.get(parent.id)
    assert ended.completed_at is not None
    soon = bench.now() + HOUR
    async with bench.uow() as tx:
        untold = await tx.campaigns.claim_untold(older_than=soon, again_before=soon, limit=500)
    assert parent.id in {one.id for one in untold}, "so that its schedule is taken away"


async def test_a_schedule_is_kept_as_it_was_written(bench: Bench) -> None:
    given = {
        "calendar": [{"daysOfWeek": ["mon"], "times": ["09:00", "17:30"]},
                     {"daysOfMonth": [1, -1], "months": [2], "times": ["08:00"]}],
        "timezone": BERLIN, "from": f"{YEAR}-01-01", "until": f"{YEAR}-12-31",
        "except": [f"{YEAR}-05-01", {"months": [12]}],
    }  # fmt: skip
    parent = await recurring(bench, await bench.users(1), **given)
    assert (await bench.campaigns.get(parent.id)).schedule == Schedule.model_validate(given)
    assert parent.starts_at is not None
    again = Schedule.model_validate(given | {"except": [{"daysOfWeek": ["mon"]}]})
    moved = await bench.campaigns.schedule(parent.id, again, ACTOR)
    assert moved.starts_at is not None
    assert (moved.starts_at.month, moved.starts_at.hour) == (2, 7)
    assert moved.starts_at.weekday() != 0


async def test_a_draft_is_not_given_a_schedule_that_never_comes(bench: Bench) -> None:
    draft = await bench.draft(await bench.users(1))
    with pytest.raises(Invalid) as never:
        change = {"schedule": {"cron": "0 9 31 2 *"}}
        await bench.campaigns.amend(draft.id, AmendCampaign.model_validate(change), ACTOR)
    assert never.value.code == "cron_invalid"
    assert (await bench.campaigns.get(draft.id)).schedule is None
