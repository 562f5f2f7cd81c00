"""Push through Firebase: refusals, dead tokens and access tokens."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any
from uuid import uuid4

import pytest

from domain.content import PushOptions
from domain.enums import Platform
from domain.ports.providers import Accepted, Rejected, Retry
from providers.push.firebase import FirebasePushProvider
from tests.contract.vendors.common import PATIENCE
from tests.contract.vendors.firebase import FIREBASE, firebase_with_key, private_key
from tests.contract.wire import WireServer, answer, wire_server
from tests.unit.sandbox.support import SandboxProcess

NAME = b'{"name": "projects/demo/messages/1"}'


@pytest.fixture
async def provider(sandbox: SandboxProcess) -> AsyncIterator[FirebasePushProvider]:
    provider = FIREBASE.build(sandbox.url + "/fcm", "")
    assert isinstance(provider, FirebasePushProvider)
    yield provider
    await provider.aclose()


async def test_what_is_too_large_even_at_its_least_is_refused(
    provider: FirebasePushProvider, sandbox: SandboxProcess
) -> None:
    huge = PushOptions(click_action="😀" * 500)
    message = FIREBASE.message(platform=Platform.ANDROID, push=huge)
    outcome = await provider.send(message)
    assert isinstance(outcome, Rejected)
    assert (outcome.code, sandbox.messages(to=message.target)) == ("payload_too_large", [])


async def test_a_token_is_in_no_words_and_no_log(
    wire: WireServer, scripted: FirebasePushProvider, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(0)
    message = FIREBASE.message(target="cU1:APA91b" + uuid4().hex)
    texts = []
    for status in (400, 401, 403, 404, 429, 500, 502):
        error = {"code": status, "status": "ODD", "message": f"About {message.target}!"}
        wire.will_answer(status, json.dumps({"error": error}).encode())
        outcome = await scripted.send(message)
        assert not isinstance(outcome, Accepted)
        texts.append(f"{outcome}")
    for text in (*texts, caplog.text):
        assert message.target not in text
    assert any("About" in text for text in texts)


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
