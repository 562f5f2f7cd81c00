"""Digests on real parts: services over a database, workflows on a server whose time is moved."""

import asyncio
import os
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING
from uuid import UUID, uuid4

import pytest
from temporalio.client import WorkflowExecutionStatus, WorkflowHandle
from temporalio.testing import TimeSkipper, TimeSkippingConfig
from temporalio.worker import Worker

from activities.delivery import DeliveryActivities
from activities.digests import DigestActivities
from activities.planning import PlanningActivities
from domain.commands import AmendNotification
from domain.digests.messages import DigestSignal, DigestState, HandOverInput
from domain.enums import Channel, NotificationStatus
from domain.errors import Conflict
from domain.ids import DELIVERY_QUEUES, NOTIFICATIONS_QUEUE
from domain.messages import CancelOutcome
from domain.paging import PageRequest
from domain.ports.notifications import NotificationFilter
from domain.records.notifications import NotificationView
from runtime.starter import BackgroundStarter
from runtime.temporal import TemporalGateway, connect_worker
from services.digests.relay import GRACE, OVERDUE, DigestRelay
from storage.uow import SqlUnitOfWork
from tests.integration.conftest import Core, now
from tests.workflows.digest_life import Life, has, ids_in
from tests.workflows.world import prepare
from workflows.digest import DigestWorkflow
from workflows.notification import NotificationWorkflow

if TYPE_CHECKING:
    from runtime.embedded.stack import EmbeddedStack

DAY = timedelta(days=1)
SECOND = timedelta(seconds=1)
CANCELLED_DAY = 12
IN_A_ROW = int(os.environ.get("HERALD_DIGEST_DAYS", "4"))
"""Each moves the clock once, which takes the server about a second."""


@pytest.fixture(scope="module")
async def life(stack: "EmbeddedStack", uow: SqlUnitOfWork) -> AsyncIterator[Life]:
    namespace = f"digests-{uuid4().hex[:12]}"
    await prepare(stack.temporal_address, namespace)
    client = await connect_worker(stack.temporal_address, namespace)
    by_hand = TimeSkipper(client, config=TimeSkippingConfig(enabled=False))
    gateway = TemporalGateway(by_hand.client, b"k" * 32)

    async def told(signal_id: UUID) -> None:
        async with uow() as tx:
            await tx.signals.done([signal_id])

    async with AsyncExitStack() as parts:
        starter = await parts.enter_async_context(BackgroundStarter(gateway, told))
        core = Core(uow, starter=starter, digest_gateway=gateway)
        planning = PlanningActivities(core.planning, core.cancelling)
        digests = DigestActivities(core.digesting)
        await parts.enter_async_context(
            Worker(
                client,
                task_queue=NOTIFICATIONS_QUEUE,
                workflows=[NotificationWorkflow, DigestWorkflow],
                activities=[
                    planning.plan_notification,
                    planning.cancel_notification,
                    planning.finish_notification,
                    digests.hand_over,
                    digests.flush,
                ],
            )
        )
        await parts.enter_async_context(
            Worker(
                client,
                task_queue=DELIVERY_QUEUES[Channel.EMAIL],
                activities=[DeliveryActivities(core.delivering).deliver],
            )
        )
        yield Life(core, by_hand, starter, gateway)


@dataclass(frozen=True)
class Window:
    key: str
    ends_at: datetime
    items: list[UUID]


async def windows(life: Life, user: str, days: int, key: str) -> list[Window]:
    """One or two items on each day from now on, planned as on that day. `key` may name `{day}`."""
    made, began = [], now()
    for day in range(days):
        at, digest_key = began + day * DAY, key.format(day=day)
        then = Core(life.core.uow, clock=_standing_at(at))
        items = [
            await then.accept(user, type="job_match", digestKey=digest_key)
            for _ in range(1 + day % 2)
        ]
        for item in items:
            assert (await then.plan(item, at=at)).gathered
        async with life.core.uow() as tx:
            waiting = await tx.digests.waiting(items[0])
        assert waiting is not None
        made.append(Window(digest_key, waiting.ends_at, items))
    assert [w.ends_at for w in made] == [made[0].ends_at + n * DAY for n in range(days)]
    return made


def _standing_at(at: datetime) -> Callable[[], datetime]:
    return lambda: at


async def test_a_month_of_daily_digests_side_by_side(life: Life) -> None:
    """Each at its instant with what is its own; a day of which all was cancelled is silent."""
    user = await life.gatherer(timezone="Asia/Kolkata")
    month = await windows(life, user, 30, "day-{day}")
    for item in month[CANCELLED_DAY].items:
        await life.core.cancelling.cancel(item)

    async def live(window: Window) -> int:
        await life.core.digesting.hand_over(HandOverInput(notification_id=window.items[0]))
        handle = life.digest(user, window.key)
        current = await life.by_hand.get_current_time(handle)
        await life.by_hand.fast_forward(handle, window.ends_at - current + SECOND)
        return await handle.result()

    digests = await asyncio.gather(*map(live, month))
    assert digests == [0 if day == CANCELLED_DAY else 1 for day in range(30)]
    made = await all_digests(life, user)
    assert set(made) == {w.key for w in month} - {month[CANCELLED_DAY].key}
    for window in month:
        if window.key in made:
            [digest] = made[window.key]
            assert Counter(ids_in(digest)) == Counter(window.items)
            assert window.ends_at <= digest.notification.created_at < window.ends_at + DAY / 24


async def test_day_after_day_in_one_workflow(life: Life) -> None:
    user = await life.gatherer(timezone="Asia/Tokyo")
    days = await windows(life, user, IN_A_ROW, "jobs")
    await life.core.digesting.hand_over(HandOverInput(notification_id=days[0].items[0]))
    handle = life.digest(user)
    for window, following in zip(days, [*days[1:], None], strict=True):
        current = await life.by_hand.get_current_time(handle)
        await life.by_hand.fast_forward(handle, window.ends_at - current + SECOND)
        async with asyncio.timeout(30):
            while following and (await state_of(handle)).ends_at != following.ends_at:
                await asyncio.sleep(0.05)
    assert await handle.result() == IN_A_ROW
    made = (await all_digests(life, user))["jobs"]
    by_day = sorted(made, key=lambda view: view.notification.created_at)
    assert [Counter(ids_in(view)) for view in by_day] == [Counter(w.items) for w in days]


async def state_of(handle: WorkflowHandle[DigestWorkflow, int]) -> DigestState:
    return await handle.query(DigestWorkflow.state)


async def all_digests(life: Life, user: str) -> dict[str, list[NotificationView]]:
    """By key."""
    where = NotificationFilter(user_id=user, type="digest")
    async with life.core.uow() as tx:
        found = (await tx.notifications.list(where, PageRequest(200))).items
    made: dict[str, list[NotificationView]] = {}
    for view in found:
        made.setdefault(view.notification.digest_key or "", []).append(view)
    return made


async def test_what_is_cancelled_stays_out_and_the_rest_is_sent_as_one(life: Life) -> None:
    user = await life.gatherer()
    kept = [await life.gathered(user, title=f"Kept {n}") for n in range(2)]
    gone = await life.gathered(user, title="Gone")
    assert (await life.core.cancelling.cancel(gone)).outcome is CancelOutcome.CANCELLED
    flushed = await life.core.digesting.flush(user, "jobs")
    assert flushed.digest_id is not None
    await life.until(flushed.digest_id, has(NotificationStatus.SENT))
    [mail] = [m for m in life.core.provider.sent if m.user_id == user]
    assert "Kept 0" in mail.message.text
    assert "Kept 1" in mail.message.text
    assert "Gone" not in mail.message.text
    assert {(await life.core.view(item)).notification.digest_id for item in kept} == {
        flushed.digest_id
    }
    handle = life.digest(user)
    await life.by_hand.fast_forward(handle, DAY)
    assert await handle.result() == 0, "the window's own end finds nothing, and says nothing"


async def test_from_daily_to_immediate_what_waits_leaves(life: Life) -> None:
    user = await life.gatherer()
    items = [await life.gathered(user, title=f"Now {n}") for n in range(2)]
    await life.preferences.merge(user, {"categories": {"jobs": {"delivery": "immediate"}}})
    for item in items:
        await life.until(item, has(NotificationStatus.SENT))
        explained = await life.core.explaining.explain(item)
        assert [plan.trigger for plan in explained.plans] == ["accepted", "preferences_changed"]
    mails = [m.message.subject for m in life.core.provider.sent if m.user_id == user]
    assert sorted(subject or "" for subject in mails) == ["Now 0", "Now 1"]
    handle = life.digest(user)
    await life.by_hand.fast_forward(handle, DAY)
    assert await handle.result() == 0
    assert await all_digests(life, user) == {}


async def test_an_amended_item_is_gathered_again(life: Life) -> None:
    user = await life.gatherer()
    item = await life.gathered(user, title="Before")
    await life.core.amending.amend(item, AmendNotification(title="After", content="Words"))
    async with asyncio.timeout(30):
        while len((await life.core.explaining.explain(item)).plans) < 2:
            await asyncio.sleep(0.05)
    flushed = await life.core.digesting.flush(user, "jobs")
    assert flushed.digest_id is not None
    await life.until(flushed.digest_id, has(NotificationStatus.SENT))
    [mail] = [m for m in life.core.provider.sent if m.user_id == user]
    assert "After" in mail.message.text
    with pytest.raises(Conflict):
        await life.core.amending.send_now(item)


async def test_a_lost_workflow_is_started_again(life: Life) -> None:
    user = await life.gatherer()
    item = await life.gathered(user)
    await life.digest(user).terminate()
    later = now() + 2 * DAY + OVERDUE + GRACE
    relay = DigestRelay(life.core.uow, life.core.digesting, lambda: later)
    assert await relay.run_once() >= 1
    handle = life.digest(user)
    assert (await handle.describe()).status is WorkflowExecutionStatus.RUNNING
    await life.by_hand.fast_forward(handle, DAY)
    assert await handle.result() == 1
    assert (await life.core.view(item)).notification.status is NotificationStatus.DIGESTED


async def test_a_digest_asked_for_in_the_web_ui(life: Life) -> None:
    user = await life.gatherer()
    item = await life.gathered(user)
    handle = life.digest(user)
    await handle.signal(DigestSignal.FLUSH)
    assert await handle.result() == 1
    view = await life.core.view(item)
    assert view.notification.digest_id is not None
    await life.until(view.notification.digest_id, has(NotificationStatus.SENT))
