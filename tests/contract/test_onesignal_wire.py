"""Push through OneSignal: what it is told, whom it reaches, and answers special to it."""

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest

from domain.content import PushAction, PushOptions, RenderedMessage
from domain.enums import Platform, Priority
from domain.ids import new_id
from domain.ports.providers import Accepted, OutboundMessage, Rejected, Retry, Uncertain
from providers.push.onesignal import OneSignalPushProvider
from tests.contract.vendors.onesignal import ONESIGNAL, ONESIGNAL_APP, ONESIGNAL_KEY, build
from tests.contract.wire import WireServer
from tests.unit.sandbox.support import SandboxProcess


@pytest.fixture
async def provider(sandbox: SandboxProcess) -> AsyncIterator[OneSignalPushProvider]:
    provider = build(sandbox.url + "/onesignal")
    yield provider
    await provider.aclose()


@pytest.fixture
async def scripted(wire: WireServer) -> AsyncIterator[OneSignalPushProvider]:
    provider = build(wire.url)
    yield provider
    await provider.aclose()


def full(**changes: Any) -> OutboundMessage:
    options = PushOptions(
        badge=3,
        sound="chime.wav",
        image_url="https://example.com/a.png",
        click_action="https://example.com/jobs/1",
        actions=(PushAction(id="apply", title="Apply", url="https://example.com/apply"),),
    )
    whole: dict[str, Any] = {
        "push": options,
        "priority": Priority.HIGH,
        "time_to_live": timedelta(minutes=5, milliseconds=300),
        "message": RenderedMessage(title="T", text="B", data={"jobId": 7}),
        **changes,
    }
    return ONESIGNAL.message(**whole)


async def sent(
    provider: OneSignalPushProvider, sandbox: SandboxProcess, message: OutboundMessage
) -> dict[str, Any]:
    outcome = await provider.send(message)
    assert isinstance(outcome, Accepted), outcome
    (taken,) = sandbox.messages(provider="onesignal", to=message.target)
    payload: dict[str, Any] = taken["payload"]
    return payload


async def test_everything_in_a_message_arrives(
    provider: OneSignalPushProvider, sandbox: SandboxProcess
) -> None:
    message = full(platform=None)
    assert await sent(provider, sandbox, message) == {
        "app_id": ONESIGNAL_APP,
        "target_channel": "push",
        "include_subscription_ids": [message.target],
        "idempotency_key": str(message.delivery_id),
        "name": "job_match",
        "contents": {"en": "B"},
        "headings": {"en": "T"},
        "data": {
            "jobId": 7,
            "notificationId": str(message.notification_id),
            "deliveryId": str(message.delivery_id),
            "type": "job_match",
            "clickAction": "https://example.com/jobs/1",
            "actions": '[{"id":"apply","title":"Apply","url":"https://example.com/apply"}]',
            "badge": "3",
        },
        "collapse_id": message.delivery_id.hex,
        "web_push_topic": message.delivery_id.hex,
        "priority": 10,
        "ttl": 300,
        "url": "https://example.com/jobs/1",
        "ios_attachments": {"image": "https://example.com/a.png"},
        "big_picture": "https://example.com/a.png",
        "chrome_web_image": "https://example.com/a.png",
        "buttons": [{"id": "apply", "text": "Apply"}],
        "web_buttons": [{"id": "apply", "text": "Apply", "url": "https://example.com/apply"}],
        "ios_badgeType": "SetTo",
        "ios_badgeCount": 3,
        "ios_sound": "chime.wav",
        "android_sound": "chime",
    }


@pytest.mark.parametrize(
    ("platform", "action", "expected"),
    [
        (Platform.WEB, "https://example.com/1", {"web_url": "https://example.com/1"}),
        (Platform.IOS, "https://example.com/1", {"app_url": "https://example.com/1"}),
        (Platform.ANDROID, "jobs://1", {"app_url": "jobs://1"}),
        (None, "OPEN_JOB", {}),
    ],
)
async def test_a_tap_leads_where_the_platform_can_go(
    provider: OneSignalPushProvider,
    sandbox: SandboxProcess,
    platform: Platform | None,
    action: str,
    expected: dict[str, str],
) -> None:
    message = full(platform=platform, push=PushOptions(click_action=action))
    payload = await sent(provider, sandbox, message)
    assert {k: v for k, v in payload.items() if k in ("url", "web_url", "app_url")} == expected
    assert payload["data"]["clickAction"] == action


async def test_a_plain_message_is_plain(
    provider: OneSignalPushProvider, sandbox: SandboxProcess
) -> None:
    message = ONESIGNAL.message(message=RenderedMessage(title="Only a title"))
    payload = await sent(provider, sandbox, message)
    assert payload["contents"] == {"en": "Only a title"}
    assert not {"headings", "ttl", "priority", "buttons", "ios_sound"} & payload.keys()


async def test_words_are_not_rendered_a_second_time(
    provider: OneSignalPushProvider, sandbox: SandboxProcess
) -> None:
    words = RenderedMessage(title="{% if x %}", text="Dear {{ user.name }} {")
    payload = await sent(provider, sandbox, ONESIGNAL.message(message=words))
    assert "{{" not in payload["contents"]["en"]
    assert "{%" not in payload["headings"]["en"]
    assert payload["contents"]["en"].replace("\u2060", "") == words.text


async def test_a_user_is_reached_once_whatever_device_it_was_for(
    provider: OneSignalPushProvider, sandbox: SandboxProcess
) -> None:
    """Two lines of one notification, each for a device of the same user."""
    user, notification = f"user-{uuid4().hex}", new_id()
    given = {"by_user": True, "user_id": user, "target": user, "notification_id": notification}
    one, two = full(**given), full(**given, platform=Platform.WEB)
    first, second = await provider.send(one), await provider.send(two)
    assert isinstance(first, Accepted)
    assert first == second
    (taken,) = sandbox.messages(provider="onesignal", to=user)
    assert taken["payload"]["include_aliases"] == {"external_id": [user]}
    assert taken["payload"]["url"] == "https://example.com/jobs/1"
    assert taken["idempotencyKey"] == one.idempotency_key == two.idempotency_key


@pytest.mark.parametrize("user", ["unknown-1", "unsubscribed-1"])
async def test_a_user_nobody_knows_costs_no_device(
    provider: OneSignalPushProvider, user: str
) -> None:
    outcome = await provider.send(full(by_user=True, user_id=user, target=user))
    assert isinstance(outcome, Rejected)
    assert (outcome.code, outcome.target_gone) == ("unknown_user", False)
    assert user not in outcome.message


@pytest.mark.parametrize(
    ("errors", "code", "gone"),
    [
        ({"invalid_player_ids": ["x"]}, "unsubscribed", True),
        ({"invalid_subscription_ids": ["x"]}, "unsubscribed", True),
        (["All included players are not subscribed"], "unsubscribed", True),
        (["Something else"], "not_sent", False),
    ],
)
async def test_a_good_answer_without_an_id_was_not_sent(
    wire: WireServer, scripted: OneSignalPushProvider, errors: Any, code: str, gone: bool
) -> None:
    wire.will_answer(200, json.dumps({"id": "", "errors": errors}).encode())
    outcome = await scripted.send(ONESIGNAL.message())
    assert isinstance(outcome, Rejected)
    assert (outcome.code, outcome.target_gone) == (code, gone)


async def test_some_of_several_unknown_is_sent(
    wire: WireServer, scripted: OneSignalPushProvider
) -> None:
    errors = {"invalid_aliases": {"external_id": ["x"]}}
    wire.will_answer(200, json.dumps({"id": "1", "errors": errors}).encode())
    assert await scripted.send(ONESIGNAL.message()) == Accepted("1")


@pytest.mark.parametrize(
    ("status", "kind", "code"),
    [
        (400, Rejected, "invalid_request"),
        (413, Rejected, "invalid_request"),
        (401, Retry, "bad_credentials"),
        (403, Retry, "bad_credentials"),
        (409, Uncertain, "conflict"),
        (302, Retry, "bad_configuration"),
        (504, Uncertain, "http_504"),
    ],
)
async def test_refusals(
    wire: WireServer, scripted: OneSignalPushProvider, status: int, kind: type, code: str
) -> None:
    message = ONESIGNAL.message()
    body = {"errors": [f"No {message.target}.", "Really."]}
    wire.will_answer(status, json.dumps(body).encode())
    outcome = await scripted.send(message)
    assert type(outcome) is kind
    assert not isinstance(outcome, Accepted)
    assert (outcome.code, outcome.message) == (code, "No ….; Really.")
    assert len(wire.seen) == 1


@pytest.mark.parametrize(
    ("changes", "code", "gone"),
    [
        ({"target": "cU1:APA91b"}, "invalid_subscription", True),
        ({"message": RenderedMessage()}, "invalid_message", False),
        ({"push": PushOptions(click_action="😀" * 500)}, "payload_too_large", False),
    ],
)
async def test_what_cannot_be_sent_makes_no_call(
    wire: WireServer,
    scripted: OneSignalPushProvider,
    changes: dict[str, Any],
    code: str,
    gone: bool,
) -> None:
    wire.will_answer(200, b'{"id": "1"}')
    outcome = await scripted.send(ONESIGNAL.message(**changes))
    assert isinstance(outcome, Rejected)
    assert (outcome.code, outcome.target_gone, wire.seen) == (code, gone, [])


async def test_a_token_is_in_no_log(
    wire: WireServer, scripted: OneSignalPushProvider, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(0)
    wire.will_answer(200, b'{"id": "1"}')
    message = ONESIGNAL.message()
    await scripted.send(message)
    await scripted.track("1")
    assert "/notifications" in caplog.text
    for secret in (message.target, ONESIGNAL_KEY):
        assert secret not in caplog.text


async def test_connections_are_kept(wire: WireServer, scripted: OneSignalPushProvider) -> None:
    wire.will_answer(200, b'{"id": "one"}')
    for _ in range(5):
        await scripted.send(ONESIGNAL.message())
    assert (len(wire.seen), wire.connections) == (5, 1)
    assert {seen.headers["authorization"] for seen in wire.seen} == {f"Key {ONESIGNAL_KEY}"}


async def test_two_calls_at_once_are_one_message(
    provider: OneSignalPushProvider, sandbox: SandboxProcess
) -> None:
    message = ONESIGNAL.message()
    outcomes = await asyncio.gather(*(provider.send(message) for _ in range(4)))
    assert len(set(outcomes)) == 1
    assert len(sandbox.messages(provider="onesignal", to=message.target)) == 1
