"""What becomes of what is gathered when users, types or clocks change, or things go wrong."""

import asyncio
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from domain.commands import AmendNotification
from domain.digests.messages import FlushDigestResult, HandOverInput
from domain.enums import Category, DeliveryMode, NotificationStatus, PlanTrigger
from domain.errors import Conflict, NotFound, Unavailable
from domain.messages import CancelOutcome, PlanResult
from domain.preferences import CategoryPreference
from services.digests.relay import GRACE, OVERDUE, DigestRelay
from tests.integration.conftest import Core, now
from tests.integration.digests.gathering import (
    DAILY,
    DAY,
    digest_of,
    ends_at,
    flush,
    gathered,
    gatherer,
    ids_in,
    item,
    prefer,
)


async def test_cancelled_items_are_not_in_it_and_an_empty_window_is_silent(core: Core) -> None:
    user = await gatherer(core)
    kept, gone = [await gathered(core, user) for _ in range(2)]
    answer = await core.cancelling.cancel(gone)
    assert answer.outcome is CancelOutcome.CANCELLED
    at = await ends_at(core, kept)
    assert ids_in(await digest_of(core, await flush(core, user, at))) == [kept]
    assert (await core.cancelling.cancel(kept)).outcome is CancelOutcome.ALREADY_FINAL

    alone = await gathered(core, user)
    await core.cancelling.cancel(alone)
    silent = await flush(core, user, await ends_at(core, alone) + timedelta(seconds=1))
    assert silent == FlushDigestResult(digest_id=None, items=0, next_ends_at=None)
    assert (await core.view(alone)).notification.status is NotificationStatus.CANCELLED


async def test_an_item_can_be_amended_until_it_is_in_a_digest(core: Core) -> None:
    user = await gatherer(core)
    one = await gathered(core, user)
    await core.amending.amend(one, AmendNotification(title="Better", content="Words"))
    assert (await core.plan(one, trigger=PlanTrigger.AMENDED)).gathered
    digest = await digest_of(core, await flush(core, user, await ends_at(core, one)))
    assert digest.content.data["items"][0]["title"] == "Better"  # type: ignore[index, call-overload]
    with pytest.raises(Conflict, match="digested"):
        await core.amending.amend(one, AmendNotification(title="Late", content="Words"))


@pytest.mark.parametrize("change", ["send_now", "immediate", "disabled", "later"])
async def test_planned_anew_it_leaves_the_digest(core: Core, change: str) -> None:
    user = await gatherer(core)
    one = await gathered(core, user)
    if change == "send_now":
        await core.amending.send_now(one)
    elif change == "later":
        at = now() + 30 * DAY
        await core.amending.amend(one, AmendNotification(scheduled_at=at, expires_at=None))
    else:
        choice = {"delivery": DeliveryMode.IMMEDIATE} if change == "immediate" else {
            "enabled": False
        }  # fmt: skip
        await prefer(core, user, categories={Category.JOBS: CategoryPreference(**choice)})
    plan = await core.plan(one, trigger=PlanTrigger.PREFERENCES_CHANGED)
    assert not plan.gathered
    async with core.uow() as tx:
        assert await tx.digests.waiting(one) is None
    assert (await flush(core, user, now() + 60 * DAY)).digest_id is None


async def test_from_weekly_to_daily_it_moves_to_the_next_day(core: Core) -> None:
    """Though it has waited for longer than a day already."""
    user = await core.user()
    weekly = CategoryPreference(delivery=DeliveryMode.WEEKLY)
    await prefer(core, user, categories={Category.JOBS: weekly})
    one = await gathered(core, user)
    monday = await ends_at(core, one)
    await prefer(core, user, categories=DAILY)
    day_before = monday - 1.5 * DAY
    plan = await core.plan(one, at=max(now(), day_before), trigger=PlanTrigger.PREFERENCES_CHANGED)
    assert plan.gathered
    assert await ends_at(core, one) <= max(now(), day_before) + DAY


async def test_the_types_rule_is_for_users_who_chose_nothing(core: Core) -> None:
    async with core.uow() as tx:
        kind = await tx.catalogue.type("recommendation_refresh")
        assert kind is not None
        await tx.catalogue.put_type(replace(kind, digest_rule=DeliveryMode.HOURLY))
    try:
        undecided, decided = await core.user(), await core.user()
        at_once = CategoryPreference(delivery=DeliveryMode.IMMEDIATE)
        await prefer(core, undecided, categories={Category.JOBS: CategoryPreference()})
        await prefer(core, decided, categories={Category.JOBS: at_once})
        plans: list[PlanResult] = []
        for user in (undecided, decided):
            refresh = await item(core, user, type="recommendation_refresh", channels=["email"])
            plans.append(await core.plan(refresh))
        assert [plan.gathered for plan in plans] == [True, False]
    finally:
        async with core.uow() as tx:
            await tx.catalogue.put_type(kind)


async def test_a_lost_start_is_made_up_for(core: Core) -> None:
    user = await gatherer(core)
    one = await gathered(core, user)
    core.digest_calls.troubles.append(Unavailable("temporal_unavailable", "away"))
    with pytest.raises(Unavailable):
        await core.digesting.hand_over(HandOverInput(notification_id=one))
    clock = now() + GRACE / 2
    relay = DigestRelay(core.uow, core.digesting, lambda: clock)

    def told() -> int:
        return sum(digest.user_id == user for digest in core.digest_calls.told)

    await relay.run_once()
    assert told() == 0
    clock = now() + GRACE * 2
    await relay.run_once()
    await relay.run_once()
    assert told() == 1
    clock = await ends_at(core, one) + OVERDUE * 2
    await relay.run_once()
    assert told() == 2, "its window ended and nobody flushed it"


async def flushed_twice(core: Core, user: str) -> list[UUID]:
    """The second time finds the first one's digest, if it made one."""
    at = datetime.now(UTC)
    result = await flush(core, user, at, everything=True)
    again = await flush(core, user, at, everything=True)
    assert again.digest_id == result.digest_id or result.digest_id is None
    return [r.digest_id for r in (result, again) if r.digest_id is not None]


async def test_nothing_is_lost_or_doubled_between_senders_and_flushes(core: Core) -> None:
    """Twenty senders, flushes all the while, cancels in between."""
    users = [await gatherer(core) for _ in range(3)]
    items: list[UUID] = []
    cancelled: set[UUID] = set()
    busy = True

    async def send(number: int) -> None:
        for turn in range(6):
            one = await item(core, users[number % 3])
            await core.plan(one)
            items.append(one)
            if turn == 3:
                answer = await core.cancelling.cancel(one)
                if answer.outcome is CancelOutcome.CANCELLED:
                    cancelled.add(one)

    async def flush_on() -> list[UUID]:
        made = []
        turn = 0
        while busy:
            turn += 1
            for user in users:
                made += await flushed_twice(core, user)
        return made

    flushing = [asyncio.create_task(flush_on()) for _ in range(2)]
    await asyncio.gather(*(send(number) for number in range(20)))
    busy = False
    digests = {digest for task in flushing for digest in await task}
    for user in users:
        result = await flush(core, user, now(), everything=True)
        if result.digest_id is not None:
            digests.add(result.digest_id)
    views = [await core.view(digest) for digest in digests]
    found = Counter(one for view in views for one in ids_in(view))
    assert found == Counter(one for one in items if one not in cancelled)
    for one in found:
        assert (await core.view(one)).notification.status is NotificationStatus.DIGESTED


async def test_an_erased_user_leaves_nothing_to_gather(core: Core) -> None:
    user = await gatherer(core)
    one = await gathered(core, user)
    await core.cancelling.cancel(one)
    async with core.uow() as tx:
        assert await tx.users.delete(user)
        assert await tx.digests.waiting(one) is None
    assert (await flush(core, user, now(), everything=True)).digest_id is None
    with pytest.raises(NotFound, match="no user"):
        await core.digesting.flush(user, "jobs")
