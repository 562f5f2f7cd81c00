"""Push through Firebase: what each platform is told, as FCM's schema has it, and no more of it than
fits."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from domain.content import PushAction, PushOptions, RenderedMessage
from domain.enums import Platform, Priority
from domain.ports.providers import Accepted, OutboundMessage
from providers.push.firebase import FirebasePushProvider
from tests.contract.vendors.firebase import FIREBASE
from tests.unit.sandbox.support import SandboxProcess

FULL = PushOptions(
    badge=3,
    sound="default",
    image_url="https://example.com/a.png",
    click_action="https://example.com/jobs/1",
    actions=(PushAction(id="apply", title="Apply", url="https://example.com/apply"),),
)


@pytest.fixture
async def provider(sandbox: SandboxProcess) -> AsyncIterator[FirebasePushProvider]:
    provider = FIREBASE.build(sandbox.url + "/fcm", "")
    assert isinstance(provider, FirebasePushProvider)
    yield provider
    await provider.aclose()


async def sent(
    provider: FirebasePushProvider, sandbox: SandboxProcess, message: OutboundMessage
) -> dict[str, Any]:
    outcome = await provider.send(message)
    assert isinstance(outcome, Accepted), outcome
    (taken,) = sandbox.messages(provider="firebase", to=message.target)
    payload: dict[str, Any] = taken["payload"]["message"]
    return payload


def full(platform: Platform | None, **changes: Any) -> OutboundMessage:
    return FIREBASE.message(
        platform=platform,
        push=FULL,
        priority=Priority.HIGH,
        time_to_live=timedelta(minutes=5, milliseconds=300),
        message=RenderedMessage(title="T", text="B", data={"jobId": "7", "from": {"a": 1}}),
        **changes,
    )


async def test_android(provider: FirebasePushProvider, sandbox: SandboxProcess) -> None:
    message = full(Platform.ANDROID)
    payload = await sent(provider, sandbox, message)
    assert payload == {
        "token": message.target,
        "notification": {"title": "T", "body": "B", "image": "https://example.com/a.png"},
        "data": {
            "jobId": "7",
            "_from": '{"a":1}',
            "notificationId": str(message.notification_id),
            "deliveryId": str(message.delivery_id),
            "type": "job_match",
            "clickAction": "https://example.com/jobs/1",
            "actions": '[{"id":"apply","title":"Apply","url":"https://example.com/apply"}]',
            "badge": "3",
        },
        "android": {
            "collapse_key": message.delivery_id.hex,
            "priority": "high",
            "ttl": "300s",
            "notification": {
                "tag": message.delivery_id.hex,
                "sound": "default",
                "notification_count": 3,
            },
        },
    }


async def test_ios(provider: FirebasePushProvider, sandbox: SandboxProcess) -> None:
    message = full(Platform.IOS)
    before = datetime.now(UTC)
    apns = (await sent(provider, sandbox, message))["apns"]
    expires = datetime.fromtimestamp(int(apns["headers"].pop("apns-expiration")), UTC)
    assert before + timedelta(minutes=4, seconds=58) < expires < before + timedelta(minutes=6)
    assert apns == {
        "headers": {
            "apns-collapse-id": message.delivery_id.hex,
            "apns-push-type": "alert",
            "apns-priority": "10",
        },
        "payload": {
            "aps": {
                "badge": 3,
                "sound": "default",
                "category": "job_match",
                "mutable-content": 1,
            }
        },
        "fcm_options": {"image": "https://example.com/a.png"},
    }


async def test_web(provider: FirebasePushProvider, sandbox: SandboxProcess) -> None:
    message = full(Platform.WEB)
    webpush = (await sent(provider, sandbox, message))["webpush"]
    assert webpush == {
        "headers": {"Topic": message.delivery_id.hex, "Urgency": "high", "TTL": "300"},
        "notification": {
            "tag": message.delivery_id.hex,
            "image": "https://example.com/a.png",
            "actions": [{"action": "apply", "title": "Apply"}],
        },
        "fcm_options": {"link": "https://example.com/jobs/1"},
    }
    assert len(webpush["headers"]["Topic"]) <= 32


async def test_a_device_of_unknown_platform_is_told_all(
    provider: FirebasePushProvider, sandbox: SandboxProcess
) -> None:
    payload = await sent(provider, sandbox, full(None))
    assert {"android", "apns", "webpush"} <= payload.keys()


async def test_a_plain_message_is_plain(
    provider: FirebasePushProvider, sandbox: SandboxProcess
) -> None:
    message = FIREBASE.message(platform=Platform.IOS, priority=Priority.LOW)
    payload = await sent(provider, sandbox, message)
    assert payload["notification"] == {"title": "New match", "body": "Hi Ada"}
    assert payload["apns"]["headers"]["apns-priority"] == "5"
    assert payload["apns"]["payload"] == {"aps": {"sound": "default"}}, "as other platforms do"


async def test_links_that_are_not_secure_stay_the_pages_own(
    provider: FirebasePushProvider, sandbox: SandboxProcess
) -> None:
    message = FIREBASE.message(
        platform=Platform.WEB, push=PushOptions(click_action="app://jobs"), time_to_live=None
    )
    payload = await sent(provider, sandbox, message)
    assert "fcm_options" not in payload["webpush"]
    assert payload["data"]["clickAction"] == "app://jobs"


async def test_a_life_is_kept_within_what_fcm_takes(
    provider: FirebasePushProvider, sandbox: SandboxProcess
) -> None:
    long = FIREBASE.message(time_to_live=timedelta(days=90))
    assert (await sent(provider, sandbox, long))["android"]["ttl"] == "2419200s"
    over = FIREBASE.message(time_to_live=timedelta(seconds=-1))
    assert (await sent(provider, sandbox, over))["android"]["ttl"] == "0s"


@pytest.mark.parametrize(
    ("target", "field"),
    [("dQw4w9WgXcQ_abcdefghij", "fid"), ("cU1:APA91bF" + "x" * 130, "token")],
)
async def test_installation_ids_and_registration_tokens_go_in_their_own_fields(
    provider: FirebasePushProvider, sandbox: SandboxProcess, target: str, field: str
) -> None:
    payload = await sent(provider, sandbox, FIREBASE.message(target=target))
    assert payload[field] == target


async def test_an_apps_own_name_for_a_tap_reaches_each_app(
    provider: FirebasePushProvider, sandbox: SandboxProcess
) -> None:
    message = FIREBASE.message(platform=None, push=PushOptions(click_action="OPEN_JOB"))
    payload = await sent(provider, sandbox, message)
    assert payload["android"]["notification"]["click_action"] == "OPEN_JOB"
    assert payload["apns"]["payload"]["aps"]["category"] == "OPEN_JOB"
    assert payload["data"]["clickAction"] == "OPEN_JOB"
    assert "fcm_options" not in payload["webpush"]


@pytest.mark.parametrize("badge", [0, 7])
async def test_the_badge_is_told_to_each_platform(
    provider: FirebasePushProvider, sandbox: SandboxProcess, badge: int
) -> None:
    """Zero takes it off the icon, which is not the same as saying nothing of it."""
    message = FIREBASE.message(platform=None, push=PushOptions(badge=badge))
    payload = await sent(provider, sandbox, message)
    assert payload["apns"]["payload"]["aps"]["badge"] == badge
    assert payload["android"]["notification"]["notification_count"] == badge
    assert payload["data"]["badge"] == str(badge)


@pytest.mark.parametrize("platform", [*Platform, None])
async def test_a_long_text_is_cut_to_what_fcm_takes_and_no_further(
    provider: FirebasePushProvider, sandbox: SandboxProcess, platform: Platform | None
) -> None:
    """What is cut here passes there, and hardly any room is given away."""
    words = RenderedMessage(title="Title", text="ü" * 2_100, data={"jobId": "7"})
    payload = await sent(provider, sandbox, FIREBASE.message(platform=platform, message=words))
    shown = payload["notification"]["body"]
    assert payload["notification"]["title"] == "Title"
    assert "jobId" not in payload["data"]
    assert shown == "ü" * (len(shown) - 1) + "…"
    assert len(shown) > 1_800
