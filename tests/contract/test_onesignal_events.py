"""What OneSignal says later: the counts of a message's devices, its event stream, and whether its
settings are good."""

import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import pytest

from domain.callbacks import Callback, Engagement, EngagementKind, Receipt
from domain.enums import DeliveryStatus
from domain.errors import Unauthorized
from providers.push.onesignal import OneSignalPushProvider
from tests.contract.cases_asking import heard
from tests.contract.vendors.common import Signed
from tests.contract.vendors.onesignal import (
    ONESIGNAL_APP,
    ONESIGNAL_SECRET,
    build,
    event,
    sign_bearer,
)
from tests.contract.wire import WireServer


@pytest.fixture
async def scripted(wire: WireServer) -> AsyncIterator[OneSignalPushProvider]:
    provider = build(wire.url)
    yield provider
    await provider.aclose()


@pytest.mark.parametrize(
    ("view", "status"),
    [
        ({"received": 1, "failed": 1}, DeliveryStatus.DELIVERED),
        ({"successful": 1, "converted": 1}, DeliveryStatus.DELIVERED),
        ({"successful": 1, "failed": 2}, DeliveryStatus.SENT),
        ({"failed": 1, "remaining": 1}, DeliveryStatus.SENT),
        ({"failed": 1, "remaining": 0}, DeliveryStatus.FAILED),
        ({"errored": 1}, DeliveryStatus.FAILED),
        ({"canceled": True}, DeliveryStatus.FAILED),
        ({"successful": None}, DeliveryStatus.SENT),
    ],
)
async def test_the_counts_of_devices_are_a_messages_state(
    wire: WireServer, scripted: OneSignalPushProvider, view: dict[str, Any], status: DeliveryStatus
) -> None:
    wire.will_answer(200, json.dumps({"id": "a/b", **view}).encode())
    receipt = await scripted.track("a/b")
    assert receipt is not None
    assert (receipt.provider_message_id, receipt.status) == ("a/b", status)
    assert receipt.code == ("failed" if status is DeliveryStatus.FAILED else None)
    assert wire.seen[0].path == f"/notifications/a%2Fb?app_id={ONESIGNAL_APP}"


AT = datetime(2026, 11, 23, 10, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (("sent", {}), (Receipt("1", DeliveryStatus.SENT, AT),)),
        (("received", {}), (Receipt("1", DeliveryStatus.DELIVERED, AT),)),
        (
            ("clicked", {"url": "https://example.com/"}),
            (
                Receipt("1", DeliveryStatus.DELIVERED, AT),
                Engagement("1", EngagementKind.CLICKED, AT, "https://example.com/"),
            ),
        ),
        (("failed", {"message_name": "job_match (all devices)"}), ()),
        (("unsubscribed", {}), ()),
    ],
)
async def test_events(
    scripted: OneSignalPushProvider,
    body: tuple[str, dict[str, str]],
    expected: tuple[Callback, ...],
) -> None:
    kind, data = body
    said = event(f"message.push.{kind}", "1", int(AT.timestamp()), **data)
    assert await heard(scripted, sign_bearer(said, "", 0)) == expected


async def test_a_failure_of_the_one_device_is_the_messages(
    scripted: OneSignalPushProvider,
) -> None:
    older = {"kind": "message.push.failed", "timestamp": 1, "data": {"notification_id": "1"}}
    (receipt,) = scripted.parse_webhook(json.dumps({"event": older}).encode())
    assert isinstance(receipt, Receipt)
    assert (receipt.status, receipt.code) == (DeliveryStatus.FAILED, "failed")


@pytest.mark.parametrize(
    "header", ["", ONESIGNAL_SECRET, f"Basic {ONESIGNAL_SECRET}", "Bearer ", "Bearer ü"]
)
async def test_another_token_is_not_good(scripted: OneSignalPushProvider, header: str) -> None:
    said = event("message.push.received", "1", 1)
    with pytest.raises(Unauthorized):
        await heard(scripted, Signed({"Authorization": header}, said, ""))
    closed = build("http://127.0.0.1:9", webhook_secret=None)
    with pytest.raises(Unauthorized):
        await heard(closed, Signed({"Authorization": "Bearer "}, said, ""))
    await closed.aclose()


@pytest.mark.parametrize(
    ("app_id", "status", "body", "setting"),
    [
        ("demo", 404, b'{"errors": []}', "ONESIGNAL_APP_ID"),
        (ONESIGNAL_APP, 404, b"<html>", "ONESIGNAL_API_URL"),
        (ONESIGNAL_APP, 401, b"{}", "ONESIGNAL_API_KEY"),
        (ONESIGNAL_APP, 429, b'{"errors": []}', None),
        (ONESIGNAL_APP, 503, b"<html>", None),
    ],
)
async def test_configuration(
    wire: WireServer, app_id: str, status: int, body: bytes, setting: str | None
) -> None:
    wire.will_answer(status, body)
    provider = build(wire.url, app_id=app_id)
    problems = await provider.validate_configuration()
    assert [problem.setting for problem in problems] == ([setting] if setting else [])
    await provider.aclose()
