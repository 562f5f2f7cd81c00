"""Telling in the background: nobody waits, nothing grows without bound, the relay gets the rest."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from domain.enums import Category, Channel, NotificationStatus, Priority, Strategy
from domain.errors import Unavailable
from domain.ids import new_id
from domain.messages import SignalKind
from domain.records.notifications import Notification
from runtime import relay_loop
from runtime.relay_loop import run_relay
from runtime.starter import BackgroundStarter


class Gateway:
    """Notes what it is told; may be away, may be slow."""

    def __init__(self) -> None:
        self.started: list[UUID] = []
        self.signalled: list[tuple[UUID, str]] = []
        self.away = False
        self.open = asyncio.Event()
        self.open.set()
        self.in_flight = self.most_in_flight = 0

    async def start_notification(self, notification_id: UUID, redrives: int, about=None) -> None:
        self.in_flight += 1
        self.most_in_flight = max(self.most_in_flight, self.in_flight)
        try:
            await self.open.wait()
            if self.away:
                raise Unavailable("temporal_unavailable", "away")
            self.started.append(notification_id)
        finally:
            self.in_flight -= 1

    async def signal_notification(self, notification_id: UUID, redrives: int, kind: str) -> None:
        if self.away:
            raise Unavailable("temporal_unavailable", "away")
        self.signalled.append((notification_id, kind))


async def test_all_is_told_before_it_leaves() -> None:
    gateway, told, ids = Gateway(), [], [new_id() for _ in range(200)]

    async def on_told(signal_id: UUID) -> None:
        told.append(signal_id)

    async with BackgroundStarter(gateway, on_told) as background:
        for one in ids:
            background.start(one)
        background.signal(ids[0], ids[1], 0, SignalKind.CANCEL)
    assert sorted(gateway.started) == sorted(ids)
    assert gateway.signalled == [(ids[1], SignalKind.CANCEL)]
    assert told == [ids[0]]
    assert background.left_to_relay == 0


@pytest.mark.parametrize("priority", Priority)
async def test_what_is_critical_is_announced_before_it_starts(priority: Priority) -> None:
    gateway, announced = Gateway(), []

    async def on_urgent() -> None:
        announced.append(len(gateway.started))

    item = replace(a_notification(), priority=priority)
    async with BackgroundStarter(gateway, never, on_urgent=on_urgent) as background:
        background.start(item.id, about=item)
        background.start(new_id())
    assert len(gateway.started) == 2
    assert announced == ([0] if priority is Priority.CRITICAL else [])


def a_notification() -> Notification:
    now = datetime.now(UTC)
    return Notification(
        new_id(), "ann", "one_time_code", Category.SECURITY, Priority.CRITICAL, (Channel.EMAIL,),
        Strategy.ALL, NotificationStatus.ACCEPTED, now, now, "hash",
    )  # fmt: skip


async def test_so_many_at_a_time_and_no_more() -> None:
    gateway = Gateway()
    gateway.open.clear()
    async with BackgroundStarter(gateway, never, in_flight=5) as background:
        for _ in range(50):
            background.start(new_id())
        while gateway.in_flight < 5:
            await asyncio.sleep(0)
        gateway.open.set()
    assert gateway.most_in_flight == 5
    assert len(gateway.started) == 50


async def test_what_does_not_fit_is_left_to_the_relay() -> None:
    gateway = Gateway()
    gateway.open.clear()
    async with BackgroundStarter(gateway, never, size=10, in_flight=1) as background:
        for _ in range(30):
            background.start(new_id())
        gateway.open.set()
    assert len(gateway.started) + background.left_to_relay == 30
    assert background.left_to_relay == 20


async def test_what_fails_is_left_to_the_relay_and_not_marked_as_told() -> None:
    gateway = Gateway()
    gateway.away = True
    async with BackgroundStarter(gateway, never) as background:
        background.start(new_id())
        background.signal(new_id(), new_id(), 0, SignalKind.AMEND)
    assert background.left_to_relay == 2


async def test_it_does_not_wait_for_ever_when_it_leaves(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("runtime.background.DRAIN_PATIENCE", timedelta(milliseconds=20))
    gateway = Gateway()
    gateway.open.clear()
    async with BackgroundStarter(gateway, never, in_flight=2) as background:
        for _ in range(5):
            background.start(new_id())
        while gateway.in_flight < 2:
            await asyncio.sleep(0)
    assert gateway.started == []
    assert background.left_to_relay == 5


async def never(signal_id: UUID) -> None:
    raise AssertionError("nothing was told")


class Relay:
    """Each pass does what the script says, and the last one stops the loop."""

    def __init__(self, stop: asyncio.Event, *passes: int | Exception) -> None:
        self.stop, self.passes, self.at = stop, list(passes), []

    async def run_once(self) -> int:
        self.at.append(asyncio.get_running_loop().time())
        answer = self.passes.pop(0)
        if not self.passes:
            self.stop.set()
        if isinstance(answer, Exception):
            raise answer
        return answer


async def test_the_relay_goes_on_after_failures_and_rests_when_idle(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(relay_loop, "REST", relay_loop.REST / 20)
    monkeypatch.setattr(relay_loop, "REST_AFTER_FAILURE", relay_loop.REST_AFTER_FAILURE / 20)
    stop = asyncio.Event()
    relay = Relay(stop, 3, 200, 0, Unavailable("temporal_unavailable", ""), KeyError("bug"), 0)
    await run_relay(relay, stop)
    rests = [after - before for before, after in zip(relay.at, relay.at[1:], strict=False)]
    assert len(relay.at) == 6
    assert max(rests[:2]) < 0.03, "work is followed by work"
    assert min(rests[2:]) > 0.035


async def test_the_relay_stops_in_the_middle_of_a_rest() -> None:
    stop = asyncio.Event()
    relay = Relay(stop, 0, 0)
    running = asyncio.create_task(run_relay(relay, stop))
    while not relay.at:
        await asyncio.sleep(0)
    stop.set()
    async with asyncio.timeout(0.5):
        await running
