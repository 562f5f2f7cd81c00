"""Items and digests over a real database: what is gathered is in one digest, or still waits."""

import asyncio
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from domain.commands import AmendNotification
from domain.digests.messages import FlushDigestInput, FlushDigestResult, HandOverInput
from domain.enums import (
    Category,
    Channel,
    DeliveryMode,
    DeliveryStatus,
    NotificationStatus,
    PlanTrigger,
)
from domain.errors import Conflict, NotFound, Unavailable
from domain.messages import CancelOutcome, PlanResult
from domain.preferences import CategoryPreference, Frequency, Preferences
from domain.records.notifications import NotificationView
from services.digests.relay import GRACE, OVERDUE, DigestRelay
from tests.integration.conftest import Core, now

DAY = timedelta(days=1)
DAILY = {Category.JOBS: CategoryPreference(delivery=DeliveryMode.DAILY)}


async def gatherer(core: Core, **changes: object) -> str:
    """A user who has jobs gathered once a day."""
    user = await core.user()
    await prefer(core, user, **({"categories": DAILY} | changes))
    return user


async def prefer(core: Core, user: str, **choices: object) -> None:
    async with core.uow() as tx:
        await tx.users.put_preferences(
            Preferences(user_id=user, **choices),  # type: ignore[arg-type]
            now(),
        )


async def item(core: Core, user: str, **fields: object) -> UUID:
    return await core.accept(user, **({"type": "job_match"} | fields))


async def gathered(core: Core, user: str, **fields: object) -> UUID:
    notification_id = await item(core, user, **fields)
    plan = await core.plan(notification_id)
    assert plan.gathered and not plan.ready and plan.wait_until is None
    return notification_id


async def flush(
    core: Core,
    user: str,
    at: datetime,
    key: str = "jobs",
    *,
    everything: bool = False,
    late: timedelta = timedelta(0),
) -> FlushDigestResult:
    """`late`: a second try of the same flush, when the clock had moved on."""
    return await core.digesting.flush_due(
        FlushDigestInput(
            user_id=user,
            digest_key=key,
            at=at + late,
            window=at,
            flush=f"run/{at}",
            everything=everything,
        )
    )


async def ends_at(core: Core, notification_id: UUID) -> datetime:
    async with core.uow() as tx:
        found = await tx.digests.waiting(notification_id)
    assert found is not None
    return found.ends_at


async def digest_of(core: Core, result: FlushDigestResult) -> NotificationView:
    assert result.digest_id is not None
    return await core.view(result.digest_id)


def ids_in(view: NotificationView) -> list[UUID]:
    items = view.content.data["items"]
    assert isinstance(items, list)
    assert view.content.data["total"] == len(items)
    return [UUID(line["notificationId"]) for line in items]  # type: ignore[index, call-overload, arg-type]


async def test_what_is_gathered_waits_until_its_window_ends(core: Core) -> None:
    user = await gatherer(core)
    first = await item(core, user)
    plan = await core.plan(first)
    assert (plan.gathered, plan.hand_over) == (True, True)
    shown = await core.view(first)
    assert shown.notification.status is NotificationStatus.SCHEDULED
    assert shown.notification.reason == "digest_daily"
    assert shown.notification.until == await ends_at(core, first)
    [line] = shown.deliveries
    assert line.status is DeliveryStatus.DEFERRED

    await core.digesting.hand_over(HandOverInput(notification_id=first))
    assert [told.ends_at for told in core.digest_calls.told] == [shown.notification.until]
    second = await core.plan(await item(core, user))
    assert (second.gathered, second.hand_over) == (True, False), "its workflow knows already"
    assert (await core.plan(first)).hand_over is False


async def test_a_window_becomes_one_notification(core: Core) -> None:
    user = await gatherer(core)
    items = [
        await gathered(core, user, title=f"Job {n}", data={"url": f"https://example.com/{n}"})
        for n in range(3)
    ]
    alert = await gathered(core, user, type="job_alert", title="Alert", channels=["push", "email"])
    at = await ends_at(core, items[0])
    too_soon = await flush(core, user, at - timedelta(milliseconds=1))
    assert too_soon == FlushDigestResult(digest_id=None, items=0, next_ends_at=at)

    result = await flush(core, user, at)
    assert (result.items, result.next_ends_at) == (4, None)
    digest = await digest_of(core, result)
    row = digest.notification
    assert (row.type, row.category, row.status) == (
        "digest", Category.JOBS, NotificationStatus.ACCEPTED,
    )  # fmt: skip
    assert (row.template_key, row.digest_key, row.created_at) == ("digest", "jobs", at)
    assert ids_in(digest) == [*items, alert]
    lines = digest.content.data["items"]
    assert lines[0]["title"] == "Job 0"  # type: ignore[index, call-overload]
    assert lines[0]["url"] == "https://example.com/0"  # type: ignore[index, call-overload]
    assert set(row.channels) == {Channel.EMAIL}, "there is no device to push to"

    for one in [*items, alert]:
        shown = await core.view(one)
        assert (shown.notification.status, shown.notification.digest_id) == (
            NotificationStatus.DIGESTED, row.id,
        )  # fmt: skip
        assert {line.status for line in shown.deliveries} == {DeliveryStatus.SKIPPED}
        explained = await core.explaining.explain(one)
        assert explained.digest_id == row.id
        assert str(row.id) in explained.summary
        assert explained.timeline[-1].event == "notification.digested"


async def test_made_again_it_is_the_same_digest(core: Core) -> None:
    """The worker died after the commit: the next one finds it."""
    user = await gatherer(core)
    items = [await gathered(core, user) for _ in range(2)]
    at = await ends_at(core, items[0])
    first = await flush(core, user, at)
    later = await gathered(core, user)
    again = await flush(core, user, at, late=timedelta(seconds=7))
    assert again.digest_id == first.digest_id
    assert again.items == 2
    assert again.next_ends_at == await ends_at(core, later)
    assert (await core.view(later)).notification.digest_id is None


async def test_the_digest_leaves_at_once_and_is_not_gathered(core: Core) -> None:
    user = await gatherer(core, frequency=Frequency(max_per_day=1, when_exceeded="digest"))
    sent = await item(core, user, priority="critical")
    await core.plan(sent)
    await core.deliver(sent)
    one = await gathered(core, user, title="A job for you")
    at = await ends_at(core, one)
    digest = await digest_of(core, await flush(core, user, at + DAY))
    plan = await core.plan(digest.notification.id, at=at + DAY)
    assert plan.ready == (Channel.EMAIL,)
    await core.deliver(digest.notification.id)
    message = core.provider.sent[-1].message
    assert "1 notification for you" in (message.subject or "")
    assert "A job for you" in message.text


async def test_a_digest_over_the_limit_waits_rather_than_being_gathered(core: Core) -> None:
    user = await gatherer(core, frequency=Frequency(max_per_day=1, when_exceeded="digest"))
    one = await gathered(core, user)
    result = await flush(core, user, now(), everything=True)
    other = await item(core, user, type="message_received", channels=["email"])
    assert (await core.plan(other)).ready
    plan = await core.plan((await digest_of(core, result)).notification.id)
    assert not plan.gathered
    assert plan.wait_until is not None
    assert (await core.view(one)).notification.status is NotificationStatus.DIGESTED


async def test_limits_gather_where_the_user_says_so(core: Core) -> None:
    user = await core.user()
    await prefer(core, user, frequency=Frequency(max_per_day=1, when_exceeded="digest"))
    first = await item(core, user)
    assert (await core.plan(first)).ready
    await core.deliver(first)
    second, third = [await gathered(core, user) for _ in range(2)]
    shown = await core.view(second)
    assert shown.notification.reason == "frequency_exceeded"
    result = await flush(core, user, now(), everything=True)
    assert ids_in(await digest_of(core, result)) == [second, third]


async def test_one_channel_leaves_and_the_other_is_gathered(core: Core) -> None:
    """A category's limit counts by channel: in-app goes now, the email goes into the digest."""
    user = await core.user()
    limits = {"categories": {"jobs": {"maxPerDay": 1}}, "whenExceeded": "digest"}
    await prefer(core, user, frequency=Frequency.model_validate(limits))
    first = await item(core, user, channels=["email"])
    await core.plan(first)
    await core.deliver(first)
    both = await item(core, user, channels=["websocket", "email"], title="Half")
    plan = await core.plan(both)
    assert (plan.ready, plan.gathered, plan.wait_until) == ((Channel.WEBSOCKET,), True, None)
    core.provider.channel = Channel.WEBSOCKET
    await core.deliver(both, Channel.WEBSOCKET)
    digest = await digest_of(core, await flush(core, user, now(), everything=True))
    assert digest.notification.channels == (Channel.EMAIL,)
    shown = await core.view(both)
    assert shown.notification.status in {NotificationStatus.SENT, NotificationStatus.DELIVERED}
    assert shown.notification.digest_id == digest.notification.id
    assert {line.channel: line.reason for line in shown.deliveries}[Channel.EMAIL] == "digested"
    summary = (await core.explaining.explain(both)).summary
    assert summary.endswith(f"email in the digest {digest.notification.id}.")
    assert (await core.plan(both)).ended, "what was digested is not tried again"


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


async def test_keys_keep_digests_apart_and_on_request_all_of_one_goes(core: Core) -> None:
    user = await gatherer(core)
    plain = await gathered(core, user)
    keyed = await gathered(core, user, digestKey="saved search/7")
    done = await core.digesting.flush(user, "saved search/7")
    assert (done.items, done.waiting) == (1, 0)
    assert done.digest_id is not None
    assert ids_in(await core.view(done.digest_id)) == [keyed]
    nothing = await core.digesting.flush(user, "saved search/7")
    assert (nothing.digest_id, nothing.items) == (None, 0)
    assert (await core.view(plain)).notification.status is NotificationStatus.SCHEDULED
    with pytest.raises(NotFound, match="no user"):
        await core.digesting.flush("nobody", "jobs")


async def test_an_item_without_a_title_has_its_templates(core: Core) -> None:
    user = await gatherer(core)
    data = {"jobTitle": "Engineer", "company": "Example", "url": "https://example.com"}
    await gathered(core, user, title=None, content=None, data=data)
    digest = await digest_of(core, await flush(core, user, now(), everything=True))
    [line] = digest.content.data["items"]  # type: ignore[misc]
    assert line["title"]  # type: ignore[index, call-overload]
    assert line["title"] != "Job match", "rendered, not spelled out"  # type: ignore[index, call-overload]


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
                at = datetime.now(UTC)
                result = await flush(core, user, at, everything=True)
                again = await flush(core, user, at, everything=True)
                assert again.digest_id == result.digest_id or result.digest_id is None
                made += [r.digest_id for r in (result, again) if r.digest_id is not None]
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
