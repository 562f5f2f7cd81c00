"""Gathered, handed over, and made into digests at the end of their windows."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

from temporalio.client import WorkflowHandle

from domain.digests.messages import DigestSignal, ItemAdded
from domain.enums import PlanTrigger
from domain.errors import Unavailable
from domain.ids import new_id
from domain.messages import SignalKind
from tests.workflows.ledger import NOW, Case
from tests.workflows.scenarios.base import DAY, EMAIL, HOUR, INBOX, SOON, scenario
from tests.workflows.world import Handle, World, events, unforced
from workflows.digest import DigestWorkflow
from workflows.options import DIGEST_EVENTS

AnyHandle = WorkflowHandle[Any, Any]


def now() -> datetime:
    return datetime.now(UTC)


def soon_after(at: datetime, due: datetime) -> bool:
    return due <= at < due + SOON


@scenario
async def gathered_and_handed_over(world: World) -> Handle:
    """It ends as soon as its digest knows of it, in as few events as can be."""
    case = Case({EMAIL: DAY}, gathered={EMAIL})
    handle = await world.start(case, skip=False)
    assert (await handle.result()).outcome == "gathered"
    assert world.digests.handed_over.count(case.id) == 1
    seen = unforced(await events(handle))
    assert len(seen) <= 7, seen
    return handle


@scenario
async def gathered_behind_one_that_is_known(world: World) -> Handle:
    case = Case({EMAIL: DAY}, gathered={EMAIL}, told=True)
    handle = await world.start(case, skip=False)
    assert (await handle.result()).outcome == "gathered"
    assert case.id not in world.digests.handed_over
    return handle


@scenario
async def gathered_and_sent_now(world: World) -> Handle:
    """Its workflow has ended; what concerns it starts another."""
    case = Case({EMAIL: DAY}, gathered={EMAIL})
    await (await world.start(case, skip=False)).result()
    case.send_now = True
    await world.gateway.signal_notification(case.id, 0, SignalKind.SEND_NOW)
    handle = await world.latest(case)
    assert (await handle.result()).outcome == "sent"
    assert case.triggers == [PlanTrigger.ACCEPTED, PlanTrigger.SEND_NOW]
    case.assert_closed()
    return handle


@scenario
async def one_leaves_and_one_is_gathered(world: World) -> Handle:
    case = Case({INBOX: NOW, EMAIL: DAY}, gathered={EMAIL})
    handle = await world.start(case, skip=False)
    assert (await handle.result()).outcome == "sent"
    assert (case.sent, world.digests.handed_over.count(case.id)) == ([INBOX], 1)
    return handle


@scenario
async def one_is_gathered_and_one_waits(world: World) -> Handle:
    case = Case({INBOX: 2 * HOUR, EMAIL: DAY}, gathered={EMAIL})
    handle = await world.start(case)
    assert (await handle.result()).outcome == "sent"
    assert case.sent == [INBOX]
    return handle


@scenario
async def a_digest_for_each_window(world: World) -> AnyHandle:
    """One timer each; the third window is empty and silent."""
    user, ends = f"user-{new_id()}", [now() + n * DAY for n in (1, 2)]
    world.digests.put(user, [ends[0], ends[0], ends[1]])
    handle = await world.start_digest(user, ends[0])
    assert await handle.result() == 2
    made = world.digests.made[user]
    assert [items for _, items in made] == [2, 1]
    assert all(soon_after(at, end) for (at, _), end in zip(made, ends, strict=True))
    assert (await events(handle)).count("TIMER_STARTED") == 2
    return handle


@scenario
async def an_empty_window(world: World) -> AnyHandle:
    user = f"user-{new_id()}"
    handle = await world.start_digest(user, now() + DAY)
    assert await handle.result() == 0
    assert user not in world.digests.made
    return handle


@scenario
async def a_digest_on_request(world: World) -> AnyHandle:
    user, end = f"user-{new_id()}", now() + 7 * DAY
    world.digests.put(user, [end, end])
    handle = await world.start_digest(user, end, skip=False)
    await handle.signal(DigestSignal.FLUSH)
    assert await handle.result() == 1
    state = await handle.query(DigestWorkflow.state)
    assert (state.digests, state.ends_at) == (1, None)
    assert state.last_digest_id in world.digests.known
    return handle


@scenario
async def an_item_with_an_earlier_end(world: World) -> AnyHandle:
    user, late, early = f"user-{new_id()}", now() + 7 * DAY, now() + HOUR
    world.digests.put(user, [late])
    handle = await world.start_digest(user, late, skip=False)
    world.digests.put(user, [early])
    await handle.signal(DigestSignal.ITEM_ADDED, ItemAdded(ends_at=early))
    while (await handle.query(DigestWorkflow.state)).ends_at != early:
        await asyncio.sleep(0.02)
    await world.by_hand.fast_forward(handle, HOUR + timedelta(seconds=1))
    while (await handle.query(DigestWorkflow.state)).digests < 1:
        await asyncio.sleep(0.02)
    await world.by_hand.fast_forward(handle, 7 * DAY)
    assert await handle.result() == 2
    assert [items for _, items in world.digests.made[user]] == [1, 1]
    return handle


@scenario
async def a_digest_outlives_the_database(world: World) -> AnyHandle:
    """The answer to the first try was lost: the second finds the digest there."""
    user, end = f"user-{new_id()}", now() + HOUR
    world.digests.put(user, [end])
    world.digests.lost_answers[user] = [Unavailable("database_unavailable", "away")]
    handle = await world.start_digest(user, end)
    assert await handle.result() == 1
    assert len(world.digests.made[user]) == 1
    return handle


@scenario
async def a_digest_goes_on_in_a_new_history(world: World) -> AnyHandle:
    user, end = f"user-{new_id()}", now() + HOUR
    handle = await world.start_digest(user, end, skip=False)
    first = world.client.get_workflow_handle(handle.id, run_id=handle.first_execution_run_id)
    added = ItemAdded(ends_at=end)
    await asyncio.gather(
        *(handle.signal(DigestSignal.ITEM_ADDED, added) for _ in range(DIGEST_EVENTS))
    )
    current = world.client.get_workflow_handle_for(DigestWorkflow.run, handle.id)
    while (await current.describe()).run_id == handle.first_execution_run_id:
        await asyncio.sleep(0.02)
    world.digests.put(user, [end])
    await current.signal(DigestSignal.FLUSH)
    assert await current.result() == 1
    assert (await events(first))[-1] == "WORKFLOW_EXECUTION_CONTINUED_AS_NEW"
    return first
