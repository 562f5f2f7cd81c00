"""The inbox provider: the row is the notification, so nothing about the bus can fail a delivery."""

import asyncio
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import pytest

from domain.content import RenderedMessage
from domain.enums import Channel, DeliveryStatus
from domain.errors import Unauthorized
from domain.ports.providers import Accepted, OutboundMessage, Recovery
from providers.inbox.live import InboxProvider
from tests.contract.vendors.resend import RESEND


class Bus:
    """Keeps frames, or fails, or never answers."""

    def __init__(self, failure: Exception | None = None, *, hangs: bool = False) -> None:
        self.frames: list[tuple[str, Mapping[str, Any]]] = []
        self.failure = failure
        self.hangs = hangs

    async def publish(self, user_id: str, frame: Mapping[str, Any]) -> int:
        if self.hangs:
            await asyncio.Event().wait()
        if self.failure is not None:
            raise self.failure
        self.frames.append((user_id, frame))
        return 1


def message() -> OutboundMessage:
    shown = {"id": "7", "seq": 4, "title": "New match"}
    words = RenderedMessage(title="New match", data={"seq": 4, "notification": shown})
    return RESEND.message(channel=Channel.WEBSOCKET, target="ada", message=words)


async def test_a_frame_is_published_and_the_delivery_is_done() -> None:
    bus = Bus()
    sent = message()
    outcome = await InboxProvider(bus).send(sent)
    assert outcome == Accepted(str(sent.delivery_id), DeliveryStatus.DELIVERED)
    frame = {
        "type": "notification",
        "seq": 4,
        "data": {"id": "7", "seq": 4, "title": "New match"},
    }
    assert bus.frames == [("ada", frame)]


async def test_a_repeat_publishes_the_same_frame() -> None:
    bus = Bus()
    sent = message()
    provider = InboxProvider(bus)
    assert await provider.send(sent) == await provider.send(sent)
    assert bus.frames[0] == bus.frames[1]
    assert provider.recovery is Recovery.REPLACE


@pytest.mark.parametrize(
    "bus",
    [Bus(ConnectionError("away")), Bus(TimeoutError()), Bus(hangs=True)],
    ids=["away", "slow", "hanging"],
)
async def test_a_bus_that_fails_does_not_fail_the_delivery(
    bus: Bus, caplog: pytest.LogCaptureFixture
) -> None:
    sent = message()
    outcome = await InboxProvider(bus, timeout=timedelta(milliseconds=50)).send(sent)
    assert outcome == Accepted(str(sent.delivery_id), DeliveryStatus.DELIVERED)
    assert [record.message for record in caplog.records] == ["inbox.not_pushed"]


async def test_there_is_nobody_else_to_ask() -> None:
    provider = InboxProvider(Bus())
    assert await provider.find(message()) is None
    assert await provider.track("1") is None
    assert await provider.validate_configuration() == ()
    with pytest.raises(Unauthorized):
        await provider.verify_webhook({}, b"", "")
    await provider.aclose()
