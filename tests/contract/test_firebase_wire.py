"""Push through Firebase: what each platform is told, the payload's limit, and access tokens."""

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from domain.content import PushAction, PushOptions, RenderedMessage
from domain.enums import Platform, Priority
from domain.ports.providers import Accepted, OutboundMessage, Rejected, Retry
from providers.push.firebase import FirebasePushProvider
from tests.contract.vendors.common import PATIENCE
from tests.contract.vendors.firebase import FIREBASE, firebase_with_key, private_key
from tests.contract.wire import WireServer, answer, wire_server
from tests.unit.sandbox.support import SandboxProcess

FULL = PushOptions(
    badge=3,
    sound="default",
    image_url="https://example.com/a.png",
    click_action="https://example.com/jobs/1",
    actions=(PushAction(id="apply", title="Apply", url="https://example.com/apply"),),
)
NAME = b'{"name": "projects/demo/messages/1"}'


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
        },
        "android": {
            "collapse_key": message.delivery_id.hex,
            "priority": "high",
            "ttl": "300s",
            "notification": {
                "tag": message.delivery_id.hex,
                "sound": "default",
                "click_action": "https://example.com/jobs/1",
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
                "category": "https://example.com/jobs/1",
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
    assert "payload" not in payload["apns"]


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


@pytest.mark.parametrize("platform", [*Platform, None])
async def test_a_payload_is_refused_before_fcm_would(
    provider: FirebasePushProvider, sandbox: SandboxProcess, platform: Platform | None
) -> None:
    """The largest that passes here passes there, and nothing much smaller is refused."""

    def sized(length: int) -> OutboundMessage:
        return FIREBASE.message(
            platform=platform, message=RenderedMessage(title="T", text="ü" * length)
        )

    good, bad = 1, 2_100
    while bad - good > 1:
        middle = (good + bad) // 2
        outcome = await provider.send(sized(middle))
        if isinstance(outcome, Accepted):
            good = middle
        else:
            assert isinstance(outcome, Rejected)
            assert outcome.code == "payload_too_large"
            bad = middle
    assert good > 1_800


@pytest.mark.parametrize(
    ("target", "code"),
    [
        ("device-unregistered-1", "unregistered"),
        ("device-mismatch-1", "sender_id_mismatch"),
        ("not a token", "invalid_token"),
    ],
)
async def test_dead_tokens_are_gone(provider: FirebasePushProvider, target: str, code: str) -> None:
    outcome = await provider.send(FIREBASE.message(target=target))
    assert isinstance(outcome, Rejected)
    assert (outcome.code, outcome.target_gone) == (code, True)


@pytest.fixture
async def scripted(wire: WireServer) -> AsyncIterator[FirebasePushProvider]:
    provider = FIREBASE.build(wire.url, "")
    assert isinstance(provider, FirebasePushProvider)
    yield provider
    await provider.aclose()


VIOLATION = {"fieldViolations": [{"field": "message.android.ttl", "description": "Bad"}]}


@pytest.mark.parametrize(
    ("details", "code"),
    [([VIOLATION], "invalid_argument"), ([{}], "invalid_argument"), ("odd", "fcm_unknown")],
)
async def test_other_bad_arguments_do_not_cost_the_device(
    wire: WireServer, scripted: FirebasePushProvider, details: Any, code: str
) -> None:
    error = {"code": 400, "status": "INVALID_ARGUMENT", "message": "Bad", "details": details}
    wire.will_answer(400, json.dumps({"error": error}).encode())
    outcome = await scripted.send(FIREBASE.message())
    assert isinstance(outcome, Rejected), outcome
    assert (outcome.code, outcome.target_gone) == (code, False)


async def test_what_the_sdk_refuses_to_encode_is_refused(
    wire: WireServer, scripted: FirebasePushProvider
) -> None:
    wire.will_answer(200, NAME)
    outcome = await scripted.send(FIREBASE.message(target=""))
    assert isinstance(outcome, Rejected)
    assert (outcome.code, wire.seen) == ("invalid_message", [])


def token(value: str, status: int = 200) -> bytes:
    body = {"access_token": value, "expires_in": 3600, "token_type": "Bearer"}
    return answer(status, json.dumps(body).encode())


async def test_many_sends_share_one_access_token() -> None:
    async with wire_server() as fcm, wire_server() as tokens:
        fcm.will_answer(200, NAME)
        tokens.answers = [token("one")]
        provider = firebase_with_key(fcm.url, "", tokens.url)
        outcomes = await asyncio.gather(*(provider.send(FIREBASE.message()) for _ in range(8)))
        assert {type(outcome) for outcome in outcomes} == {Accepted}
        assert (len(tokens.seen), len(fcm.seen)) == (1, 8)
        assert {seen.headers["authorization"] for seen in fcm.seen} == {"Bearer one"}
        assert fcm.seen[0].path == "/v1/projects/demo/messages:send"
        await provider.aclose()


async def test_a_refused_token_is_renewed_by_the_next_send() -> None:
    """The SDK would renew and repeat within the call."""
    async with wire_server() as fcm, wire_server() as tokens:
        fcm.answers = [answer(401, b'{"error": {"status": "UNAUTHENTICATED"}}'), answer(200, NAME)]
        tokens.answers = [token("one"), token("two")]
        provider = firebase_with_key(fcm.url, "", tokens.url)
        refused = await provider.send(FIREBASE.message())
        assert isinstance(refused, Retry)
        assert (refused.code, refused.fail_over) == ("bad_credentials", True)
        assert len(fcm.seen) == 1
        assert isinstance(await provider.send(FIREBASE.message()), Accepted)
        assert [seen.headers["authorization"] for seen in fcm.seen] == ["Bearer one", "Bearer two"]
        await provider.aclose()


async def test_an_unreachable_token_server_sends_nothing(wire: WireServer) -> None:
    wire.will_answer(200, NAME)
    provider = firebase_with_key(wire.url, "", "http://127.0.0.1:9/token")
    outcome = await provider.send(FIREBASE.message())
    assert isinstance(outcome, Retry)
    assert (outcome.fail_over, wire.seen) == (True, [])
    await provider.aclose()


async def test_connections_are_kept(wire: WireServer, scripted: FirebasePushProvider) -> None:
    wire.will_answer(200, NAME)
    for _ in range(5):
        assert isinstance(await scripted.send(FIREBASE.message()), Accepted)
    assert (len(wire.seen), wire.connections) == (5, 1)


@pytest.mark.parametrize(
    ("key", "url"), [(None, None), ("no key at all", None), ("no key at all", "http://127.0.0.1:9")]
)
def test_credentials_are_asked_for_at_once(key: str | None, url: str | None) -> None:
    with pytest.raises(ValueError, match=r"FIREBASE_PRIVATE_KEY|certificate credential"):
        FirebasePushProvider(
            project_id="demo",
            private_key=key,
            client_email="herald@demo.example",
            api_url=url,
            timeout=PATIENCE,
        )


async def test_a_pem_from_an_environment_file_is_read() -> None:
    assert "\\n" in private_key()
    await firebase_with_key("http://127.0.0.1:9", "", "http://127.0.0.1:9").aclose()
