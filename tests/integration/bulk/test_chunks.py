"""A batch's chunk: few calls, each once, and every notification as complete as one sent alone."""

import asyncio
from datetime import timedelta
from uuid import UUID

import pytest

from domain.bulk import BulkTally
from domain.commands import AmendNotification, NewNotification
from domain.delivering import RetryLater
from domain.enums import Category, Channel, DeliveryMode, DeliveryStatus, NotificationStatus
from domain.errors import Invalid
from domain.ids import new_id
from domain.messages import CancelOutcome
from domain.ports.providers import Recovery
from domain.preferences import CategoryPreference, Frequency, Preferences
from domain.records.catalogue import TemplateVersion
from domain.records.operations import PausedPart
from services.notifications.read_many import ReadManyService
from services.notifications.relay import GRACE
from tests.integration.bulk.core import (
    BulkCore,
    Crash,
    counted_statements,
    letters,
    relayed,
    statuses,
)
from tests.integration.conftest import ScriptedProvider, now


async def test_a_chunk_goes_in_batches_each_message_once(bulk: BulkCore) -> None:
    users = (await bulk.users(10)) * 15
    ids = await bulk.accept(users)
    assert await bulk.deliver() == BulkTally(sent=150)
    assert bulk.each_once(ids)
    assert sorted(len(messages) for _, messages in bulk.vendor.calls) == [50, 100]
    assert bulk.starter.started == []
    assert await bulk.deliver() == BulkTally(sent=150)
    assert len(bulk.vendor.calls) == 2


async def test_it_is_as_complete_as_one_sent_alone(bulk: BulkCore) -> None:
    user = await bulk.core.user()
    [alone], [one, _] = [await bulk.core.accept(user)], await bulk.accept([user, user])
    await bulk.core.plan(alone)
    await bulk.core.deliver(alone)
    await bulk.deliver()
    explained = [await bulk.core.explaining.explain(item) for item in (alone, one)]
    shapes = [
        (
            e.status,
            [(p.trigger, p.outcome, [(g.gate, g.outcome, g.reason) for g in p.gates])
             for p in e.plans],
            [(entry.event, entry.channel, sorted(entry.detail)) for entry in e.timeline],
        )
        for e in explained
    ]  # fmt: skip
    assert shapes[0] == shapes[1]
    [first], [second] = [(await bulk.core.view(item)).deliveries for item in (alone, one)]
    assert (second.status, second.attempts, second.target) == (
        first.status, first.attempts, first.target,
    )  # fmt: skip
    assert second.provider_message_id
    assert second.sent_at
    async with bulk.uow() as tx:
        kept = await tx.bulk_deliveries.kept_emails([alone, one])
    assert set(kept) == {alone, one}
    assert kept[one].html


async def test_what_is_not_for_a_chunk_gets_workflows_of_its_own(bulk: BulkCore) -> None:
    users = await bulk.users(4)
    ways: list[dict[str, object]] = [
        {"scheduledAt": (now() + timedelta(days=1)).isoformat()},
        {"channels": ["email", "websocket"]},
        {"channels": ["email", "websocket"], "strategy": "fallback"},
        {},
    ]
    ids = await bulk.accept(users, lambda number: ways[number])
    assert await bulk.deliver() == BulkTally(sent=1, handed_over=3)
    assert set(bulk.starter.started) == set(ids[:3])
    assert await statuses(bulk, ids[:3]) == {NotificationStatus.ACCEPTED}
    assert (await bulk.core.plan(ids[0])).wait_until is not None
    assert set((await bulk.core.plan(ids[1])).ready) == {Channel.EMAIL, Channel.WEBSOCKET}


async def test_a_skipped_one_ends_without_a_workflow(bulk: BulkCore) -> None:
    ids = await bulk.accept(await bulk.users(2, email=None))
    assert await bulk.deliver() == BulkTally(skipped=2)
    explained = await bulk.core.explaining.explain(ids[0])
    assert [entry.event for entry in explained.timeline][-1] == "notification.skipped"
    assert bulk.starter.started == []


async def test_words_that_cannot_be_made_are_a_dead_letter(bulk: BulkCore) -> None:
    key = f"broken-{new_id()}"
    words = {"email": {"subject": "{{ user.attributes.missing }}", "html": "<p>x</p>"}}
    broken = TemplateVersion(key, "en", 1, None, words, {}, {}, "published", now())
    async with bulk.uow() as tx:
        await tx.catalogue.add_template_version(broken)
    template = {"title": None, "content": None, "template": {"key": key}}
    ids = await bulk.accept(await bulk.users(2), lambda _: template)
    assert await bulk.deliver() == BulkTally(failed=2)
    assert len(await letters(bulk, ids)) == 2
    assert bulk.vendor.calls == []


async def test_the_same_content_twice_in_a_batch_leaves_once(bulk: BulkCore) -> None:
    user = await bulk.core.user()
    ids = await bulk.accept([user] * 3, lambda _: {"title": "The same"})
    assert await bulk.deliver() == BulkTally(sent=1, skipped=2)
    assert bulk.each_once(ids[:1])


async def test_a_users_limit_is_kept_within_a_batch(bulk: BulkCore) -> None:
    user = await bulk.core.user()
    async with bulk.uow() as tx:
        limited = Preferences(user_id=user, frequency=Frequency(max_per_day=2))
        await tx.users.put_preferences(limited, now())
    await bulk.accept([user] * 4, lambda _: {"type": "job_match"})
    assert await bulk.deliver() == BulkTally(sent=2, handed_over=2)
    assert sum(bulk.vendor.arrived.values()) == 2


async def test_a_relay_passes_by_what_is_a_batchs_and_starts_the_batch(bulk: BulkCore) -> None:
    ids = await bulk.accept(await bulk.users(2))
    found = await relayed(bulk, GRACE * 2)
    assert not set(found.started) & set(ids)
    assert bulk.batch in found.batches
    assert bulk.batch not in (await relayed(bulk, timedelta(minutes=5))).batches
    assert bulk.batch in (await relayed(bulk, timedelta(minutes=12))).batches
    await bulk.deliver()
    await bulk.batches.end(bulk.batch)
    assert bulk.batch not in (await relayed(bulk, timedelta(hours=1))).batches


async def test_nothing_leaves_after_cancel_answered(bulk: BulkCore) -> None:
    ids = await bulk.accept(await bulk.users(3))
    assert await bulk.cancel(ids[0]) is CancelOutcome.CANCELLED
    assert await bulk.deliver() == BulkTally(sent=2, cancelled=1)
    assert bulk.each_once(ids[1:])
    assert await bulk.cancel(ids[1]) is CancelOutcome.ALREADY_SENT


async def test_cancels_that_race_a_chunk_are_answered_as_it_was(bulk: BulkCore) -> None:
    ids = await bulk.accept(await bulk.users(40))

    async def after(turns: int, notification_id: UUID) -> CancelOutcome:
        await asyncio.sleep(turns / 200)
        return await bulk.cancel(notification_id)

    running = asyncio.create_task(bulk.deliver())
    answers = await asyncio.gather(*(after(turn, item) for turn, item in enumerate(ids)))
    tally = await running
    stopped = {i for i, a in zip(ids, answers, strict=True) if a is CancelOutcome.CANCELLED}
    assert bulk.each_once([item for item in ids if item not in stopped])
    assert tally.sent == 40 - len(stopped)


async def test_many_are_cancelled_as_definitely_as_one(bulk: BulkCore) -> None:
    ids = await bulk.accept(await bulk.users(3))
    bulk.vendor.crash_before = 1
    with pytest.raises(Crash):
        await bulk.deliver()
    more = await bulk.accept(await bulk.users(2))
    answers = await bulk.cancels.cancel([*ids, *more, new_id()])
    assert [answers[item] for item in ids] == [CancelOutcome.ALREADY_SENT] * 3
    assert [answers[item] for item in more] == [CancelOutcome.CANCELLED] * 2
    assert await bulk.deliver() == BulkTally(cancelled=2)
    assert len(bulk.vendor.calls) == 1


async def test_a_batch_that_is_stopped_settles_what_it_began(bulk: BulkCore) -> None:
    ids = await bulk.accept(await bulk.users(2))
    bulk.vendor.crash_after = 1
    with pytest.raises(Crash):
        await bulk.deliver()
    assert await bulk.batches.cancel(bulk.chunk()) == BulkTally()
    await bulk.delivering.settle(bulk.chunk())
    assert await statuses(bulk, ids) == {NotificationStatus.SENT}
    assert bulk.each_once(ids)


async def test_what_operators_paused_waits_in_workflows_of_its_own(bulk: BulkCore) -> None:
    for part in ("channel:email", "provider:batches"):
        ids = await bulk.accept(await bulk.users(2))
        async with bulk.uow() as tx:
            await tx.operations.pause(PausedPart(part, now()))
        try:
            assert await bulk.deliver() == BulkTally(handed_over=2)
        finally:
            async with bulk.uow() as tx:
                await tx.operations.resume(part)
        assert set(ids) <= set(bulk.starter.started)
    assert bulk.vendor.calls == []


async def test_a_rate_limit_holds_only_what_has_no_place_yet(
    bulk: BulkCore,
) -> None:
    ids = await bulk.accept((await bulk.users(10)) * 15)
    bulk.core.breakers.waits = [timedelta(0), timedelta(seconds=4)]
    with pytest.raises(RetryLater) as later:
        await bulk.deliver()
    assert later.value.after == timedelta(seconds=4)
    assert len(bulk.vendor.arrived) == 100
    assert await bulk.deliver() == BulkTally(sent=150)
    assert bulk.each_once(ids)


async def test_the_inbox_is_filled_in_order_and_sms_and_push_go_singly(bulk: BulkCore) -> None:
    bulk.core.provider = ScriptedProvider(Channel.WEBSOCKET, Recovery.REPLACE, name="inbox")
    user = await bulk.core.user()
    ids = await bulk.accept([user] * 3, lambda _: {"channels": ["websocket"]})
    assert await bulk.deliver() == BulkTally(sent=3)
    async with bulk.uow() as tx:
        items = await tx.inbox.after(user, 0, 10)
    assert [item.view.notification.id for item in items] == ids
    [line] = (await bulk.core.view(ids[0])).deliveries
    assert line.status is DeliveryStatus.SENT


async def test_an_amended_one_goes_as_amended(bulk: BulkCore) -> None:
    ids = await bulk.accept(await bulk.users(2))
    tomorrow = (now() + timedelta(days=1)).isoformat()
    change = AmendNotification.model_validate({"scheduledAt": tomorrow})
    await bulk.core.amending.amend(ids[0], change)
    assert await bulk.deliver() == BulkTally(sent=1, handed_over=1)
    assert bulk.starter.started == [ids[0]]


async def test_unknown_users_are_refused_and_the_urgent_go_first(bulk: BulkCore) -> None:
    user = await bulk.core.user()
    words = {"type": "job_match", "title": "T", "content": "C"}
    kinds = [("low", user), ("high", "nobody"), ("critical", user)]
    answers = await bulk.accepting.accept_many(
        [
            NewNotification.model_validate(words | {"userId": to, "priority": priority})
            for priority, to in kinds
        ]
    )
    assert isinstance(answers[1], Invalid)
    assert answers[1].code == "unknown_user"
    async with bulk.uow() as tx:
        order = await tx.bulk.chunk(bulk.batch, 0, 10)
    assert order == (answers[2], answers[0])


async def test_what_is_gathered_is_its_digests(bulk: BulkCore) -> None:
    user = await bulk.core.user()
    weekly = CategoryPreference(delivery=DeliveryMode.WEEKLY)
    async with bulk.uow() as tx:
        chosen = Preferences(user_id=user, categories={Category.JOBS: weekly})
        await tx.users.put_preferences(chosen, now())
    [one] = await bulk.accept([user], lambda _: {"type": "job_match"})
    assert await bulk.deliver() == BulkTally(handed_over=1)
    assert (await bulk.core.plan(one)).gathered


async def test_a_thousand_are_cancelled_and_read_in_a_few_statements(bulk: BulkCore) -> None:
    """However many there are, the database is asked as often."""
    user = await bulk.core.user()
    bulk.core.provider = ScriptedProvider(Channel.WEBSOCKET, Recovery.REPLACE, name="inbox")
    reading = ReadManyService(bulk.uow, Deaf(), bulk.starter, now)
    asked = []
    for count in (2, 60):
        ids = await bulk.accept([user] * count, lambda _: {"channels": ["websocket"]})
        assert (await bulk.deliver()).sent == count
        waiting = await bulk.accept([user] * count)
        with counted_statements(bulk.uow) as statements:
            assert set(await reading.mark_read(ids, None)) == set(ids)
            assert await reading.mark_read(ids, user) == ()
            stopped = await bulk.cancels.cancel(waiting)
        assert set(stopped.values()) == {CancelOutcome.CANCELLED}
        asked.append(len(statements))
    assert 0 < asked[1] <= asked[0] + 2
    [line] = (await bulk.core.view(waiting[0])).deliveries or [None]
    assert line is None
    explained = await bulk.core.explaining.explain(ids[0])
    assert [entry.event for entry in explained.timeline][-1] == "notification.read"


class Deaf:
    """Connections are elsewhere."""

    async def publish(self, user_id: str, frame: object) -> int:
        return 0
