"""A delivery beats while it runs, is let end when a cancel comes, and stops with its process."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from temporalio.activity import ActivityCancellationDetails
from temporalio.testing import ActivityEnvironment

from activities.delivery import DeliveryActivities
from activities.heartbeat import BEATS_PER_TIMEOUT
from domain.enums import Channel
from domain.ids import new_id
from domain.messages import DeliverInput, DeliverOutcome, DeliverResult

COMMAND = DeliverInput(notification_id=new_id(), channel=Channel.SMS, now=datetime.now(UTC))
SENT = DeliverResult(channel=Channel.SMS, outcome=DeliverOutcome.SENT)


class Service:
    """Stands where DeliverService stands: its provider call lasts until it is let go."""

    def __init__(self) -> None:
        self.begun, self.let_go, self.stopped = asyncio.Event(), asyncio.Event(), False

    async def deliver(self, command: DeliverInput) -> DeliverResult:
        self.begun.set()
        try:
            await self.let_go.wait()
        except asyncio.CancelledError:
            self.stopped = True
            raise
        return SENT


def environment(timeout: timedelta | None) -> tuple[ActivityEnvironment, list[object]]:
    beats: list[object] = []
    env = ActivityEnvironment()
    env.info = env.default_info()
    env.info = type(env.info)(**{**vars(env.info), "heartbeat_timeout": timeout})
    env.on_heartbeat = lambda *details: beats.append(details)
    return env, beats


async def test_it_beats_until_it_ends() -> None:
    service = Service()
    env, beats = environment(timedelta(seconds=0.03))
    running = asyncio.create_task(env.run(DeliveryActivities(service).deliver, COMMAND))
    async with asyncio.timeout(5):
        while len(beats) < BEATS_PER_TIMEOUT:
            await asyncio.sleep(0.005)
    service.let_go.set()
    assert await running == SENT
    counted = len(beats)
    await asyncio.sleep(0.05)
    assert len(beats) == counted


async def test_no_beats_where_none_are_awaited() -> None:
    service = Service()
    service.let_go.set()
    env, beats = environment(None)
    assert await env.run(DeliveryActivities(service).deliver, COMMAND) == SENT
    assert beats == []


async def test_a_call_that_has_begun_is_let_end() -> None:
    service = Service()
    env, _ = environment(None)
    running = asyncio.create_task(env.run(DeliveryActivities(service).deliver, COMMAND))
    await service.begun.wait()
    env.cancel(cancellation_details=ActivityCancellationDetails(cancel_requested=True))
    await asyncio.sleep(0)
    service.let_go.set()
    assert await running == SENT
    assert not service.stopped


@pytest.mark.parametrize("why", ["worker_shutdown", "timed_out", "not_found"])
async def test_it_stops_when_nobody_would_hear_the_result(why: str) -> None:
    service = Service()
    env, _ = environment(None)
    running = asyncio.create_task(env.run(DeliveryActivities(service).deliver, COMMAND))
    await service.begun.wait()
    env.cancel(cancellation_details=ActivityCancellationDetails(**{why: True}))
    with pytest.raises(asyncio.CancelledError):
        await running
    assert service.stopped
