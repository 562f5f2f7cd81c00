"""A batch whose calls are cut off, refused or run twice: each message once, or shown in doubt."""

import asyncio
from datetime import timedelta
from uuid import UUID

import pytest

from domain.bulk import BulkTally
from domain.delivering import RetryLater
from domain.enums import Channel, NotificationStatus
from domain.messages import DeliverOutcome
from domain.ports.providers import Recovery, Retry, Uncertain
from services.notifications.relay import CLAIM, GRACE
from tests.integration.bulk.core import BUSY, BulkCore, Crash, crashing, letters, relayed, statuses
from tests.integration.conftest import ScriptedProvider, now


@pytest.mark.parametrize("point", ["before_plans", "before_call", "after_call", "before_record"])
async def test_a_crash_at_any_point_leaves_each_exactly_once(bulk: BulkCore, point: str) -> None:
    users = (await bulk.users(8, name="Ada")) * 15
    ids = await bulk.accept(users)
    match point:
        case "before_plans":
            with crashing(bulk.planner, "reserve"), pytest.raises(Crash):
                await bulk.deliver()
            assert bulk.vendor.calls == []
        case "before_call":
            bulk.vendor.crash_before = 2
        case "after_call":
            bulk.vendor.crash_after = 2
    if point in {"before_call", "after_call"}:
        with pytest.raises(Crash):
            await bulk.deliver()
    if point == "before_record":
        with crashing(bulk.recorder, "record", times=2), pytest.raises(Crash):
            await bulk.deliver()
    async with bulk.uow() as tx:  # what was changed meanwhile makes it no other call
        for user in set(users):
            known = await tx.users.get(user)
            assert known is not None
            await tx.users.put(type(known)(user, now(), now(), email=known.email, locale="de"))
    assert await bulk.deliver() == BulkTally(sent=120)
    assert bulk.each_once(ids)
    if point != "before_plans":
        first, again = bulk.vendor.calls[:2], bulk.vendor.calls[2:]
        assert {key: [m.message for m in sent] for key, sent in first} == {
            key: [m.message for m in sent] for key, sent in again
        }


async def test_a_call_in_doubt_is_made_again_until_it_is_settled(bulk: BulkCore) -> None:
    ids = await bulk.accept(await bulk.users(3))
    bulk.vendor.batches = [lambda: Uncertain("timeout", "Cut.")] * 2 + [lambda: BUSY]
    for _ in range(3):
        with pytest.raises(RetryLater):
            await bulk.deliver()
        assert await statuses(bulk, ids) == {NotificationStatus.PROCESSING}
    assert await bulk.deliver() == BulkTally(sent=3)
    assert len({key for key, _ in bulk.vendor.calls}) == 1


async def test_a_doubt_that_stays_is_unknown_and_shown(bulk: BulkCore) -> None:
    ids = await bulk.accept(await bulk.users(2))
    bulk.vendor.batches = [lambda: Uncertain("timeout", "Cut.")] * 20
    for _ in range(6):
        with pytest.raises(RetryLater):
            await bulk.deliver()
    assert await bulk.deliver() == BulkTally(failed=2)
    assert await letters(bulk, ids) == ["timeout"] * 2


async def test_a_refused_call_stays_the_batchs_and_goes_again_as_one(bulk: BulkCore) -> None:
    ids = await bulk.accept(await bulk.users(3))
    bulk.vendor.batches = [lambda: BUSY]
    with pytest.raises(RetryLater) as later:
        await bulk.deliver()
    assert timedelta(seconds=29) < later.value.after <= timedelta(seconds=30)
    assert not set(ids) & set((await relayed(bulk, timedelta(hours=1))).started)
    assert await bulk.deliver() == BulkTally(sent=3)
    assert [len(messages) for _, messages in bulk.vendor.calls] == [3, 3]
    assert len({key for key, _ in bulk.vendor.calls}) == 2
    assert bulk.each_once(ids)


async def test_refused_again_and_again_it_fails_with_dead_letters(bulk: BulkCore) -> None:
    ids = await bulk.accept(await bulk.users(2))
    bulk.vendor.batches = [lambda: BUSY] * 20
    for _ in range(4):
        with pytest.raises(RetryLater):
            await bulk.deliver()
    assert await bulk.deliver() == BulkTally(failed=2)
    assert await letters(bulk, ids) == ["busy"] * 2


async def test_what_one_message_is_refused_for_does_not_concern_the_others(
    bulk: BulkCore,
) -> None:
    ids = await bulk.accept(await bulk.users(4))
    bulk.vendor.refused = frozenset({ids[1]})
    assert await bulk.deliver() == BulkTally(sent=3, failed=1)
    assert await letters(bulk, ids) == ["bad_address"]
    assert bulk.each_once([ids[0], *ids[2:]])
    assert (await bulk.core.view(ids[1])).notification.reason == "bad_address"


async def test_a_provider_that_is_down_is_passed_over_within_the_chunk(bulk: BulkCore) -> None:
    ids = await bulk.accept(await bulk.users(5))
    bulk.core.second = ScriptedProvider(name="second", recovery=Recovery.NONE)
    bulk.vendor.batches = [lambda: Retry("refused", "Refused.", fail_over=True)]
    assert await bulk.deliver() == BulkTally(sent=5)
    assert {m.notification_id for m in bulk.core.second.sent} == set(ids)
    assert len(bulk.core.second.sent) == 5
    [line] = (await bulk.core.view(ids[0])).deliveries
    assert (line.provider, line.given_up) == ("second", ("batches",))


async def test_one_that_is_to_be_retried_alone_gets_a_workflow_when_it_is_due(
    bulk: BulkCore,
) -> None:
    bulk.core.provider = ScriptedProvider(name="singly")
    ids = await bulk.accept(await bulk.users(2))
    bulk.core.provider.script = [lambda _: BUSY]
    assert await bulk.deliver() == BulkTally(sent=1, handed_over=1)
    assert bulk.starter.started == []
    [waiting] = [i for i in ids if await statuses(bulk, [i]) == {NotificationStatus.ACCEPTED}]
    assert waiting not in (await relayed(bulk, timedelta(seconds=25))).started
    assert waiting in (await relayed(bulk, timedelta(seconds=31))).started
    assert await bulk.deliver() == BulkTally(sent=1, handed_over=1)  # a rerun leaves it alone
    assert (await bulk.core.plan(waiting)).ready == (Channel.EMAIL,)
    assert (await bulk.core.deliver(waiting)).outcome is DeliverOutcome.SENT
    assert len(bulk.core.provider.sent) == 3


async def test_two_runs_and_a_workflow_at_once_still_send_each_once(bulk: BulkCore) -> None:
    ids = await bulk.accept(await bulk.users(30))

    async def alone(notification_id: UUID) -> None:
        plan = await bulk.core.plan(notification_id)
        for channel in plan.ready:
            await bulk.core.deliver(notification_id, channel)

    async def run() -> None:
        while True:
            try:
                await bulk.deliver()
            except RetryLater:
                await asyncio.sleep(0.01)
            else:
                return

    results = await asyncio.gather(run(), run(), *map(alone, ids), return_exceptions=True)
    failures = {getattr(result, "code", result) for result in results} - {None}
    assert failures <= {"plan_overtaken"}
    assert await statuses(bulk, ids) == {NotificationStatus.SENT}
    assert bulk.each_once(ids)


async def test_a_line_of_a_batch_is_never_repeated_alone(bulk: BulkCore) -> None:
    """Its own key would make it another message to the vendor."""
    [one, _] = await bulk.accept(await bulk.users(2))
    bulk.vendor.crash_after = 1
    with pytest.raises(Crash):
        await bulk.deliver()
    assert (await bulk.core.deliver(one)).outcome is DeliverOutcome.UNKNOWN
    assert bulk.vendor.sent == []


async def test_an_open_circuit_is_waited_for(bulk: BulkCore) -> None:
    ids = await bulk.accept(await bulk.users(2))
    bulk.core.breakers.resting = {"batches": timedelta(seconds=20)}
    with pytest.raises(RetryLater):
        await bulk.deliver()
    assert not set(ids) & set((await relayed(bulk, timedelta(hours=1))).started)
    bulk.core.breakers.resting = {}
    assert await bulk.deliver() == BulkTally(sent=2)
    assert bulk.each_once(ids)


async def test_a_chunk_that_cannot_be_worked_on_is_handed_over(bulk: BulkCore) -> None:
    ids = await bulk.accept(await bulk.users(2))
    assert await bulk.delivering.hand_over(bulk.chunk()) == BulkTally(handed_over=2)
    assert set(bulk.starter.started) == set(ids)
    found = await relayed(bulk, CLAIM + GRACE * 2)
    assert set(ids) <= set(found.started)
