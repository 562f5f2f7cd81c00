"""The second push stand-in refuses what OneSignal refuses, sends once per key, knows who is
subscribed, and calls back as an event stream does."""

import json
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest

from tests.unit.sandbox.support import ONESIGNAL_APP, Receiver, SandboxProcess, onesignal

DEVICE = "1dd608f2-c6a1-11e3-851d-000c2940e62c"
OTHER = "2dd608f2-c6a1-11e3-851d-000c2940e62c"
DEAD = "00000000-0000-0000-0000-000000000001"
SECRET = "stream-token"


@pytest.fixture(scope="module")
def _streaming(_receiver: Receiver) -> Iterator[SandboxProcess]:
    arguments = ("--callback-base-url", _receiver.url, "--onesignal-app-id", ONESIGNAL_APP)
    with SandboxProcess(*arguments, ONESIGNAL_WEBHOOK_SECRET=SECRET) as process:
        yield process


@pytest.fixture
def sandbox(_streaming: SandboxProcess) -> SandboxProcess:
    assert _streaming.http.delete("/state").status_code == 204
    return _streaming


def view(sandbox: SandboxProcess, message_id: str, app_id: str | None = ONESIGNAL_APP) -> Any:
    return sandbox.http.get(
        f"/onesignal/notifications/{message_id}",
        params={"app_id": app_id} if app_id else {},
        headers={"Authorization": "Key os_test"},
    )


def test_a_good_message_is_taken_and_can_be_viewed(sandbox: SandboxProcess) -> None:
    body = onesignal(
        data={"url": "/jobs/1"},
        buttons=[{"id": "a", "text": "Apply"}],
        web_buttons=[{"id": "a", "text": "Apply", "url": "https://example.com"}],
        ios_badgeType="SetTo",
        ios_badgeCount=1,
        ttl=3600,
        priority=10,
    )
    answer = sandbox.onesignal(body)
    assert answer.status_code == 200
    message_id = answer.json()["id"]
    [kept] = sandbox.messages(provider="onesignal", to=DEVICE)
    assert (kept["id"], kept["subject"], kept["text"]) == (message_id, "New match", "Hello")
    assert kept["payload"] == body
    seen = view(sandbox, message_id).json()
    counts = {name: seen[name] for name in ("successful", "failed", "received", "converted")}
    assert counts == {"successful": 1, "failed": 0, "received": 0, "converted": 0}
    assert (seen["id"], seen["contents"]) == (message_id, {"en": "Hello"})


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"app_id": None}, "app_id not found"),
        ({"app_id": "demo"}, "app_id is not a valid UUID"),
        ({"include_subscription_ids": None}, "You must include which players"),
        ({"include_aliases": {"external_id": ["ada"]}}, "can not be combined"),
        ({"include_subscription_ids": ["device"]}, "not a valid UUID"),
        ({"include_subscription_ids": DEVICE}, "include_subscription_ids is invalid"),
        ({"include_subscription_ids": [DEVICE] * 2001}, "At most 2000"),
        ({"included_segments": ["All"]}, "can not be combined"),
        ({"target_channel": "email"}, "no subscriptions of that channel"),
        ({"target_channel": "pigeon"}, "target_channel is invalid"),
        ({"contents": None}, "content must not be null"),
        ({"contents": {"de": "Hallo"}}, "English language content is required"),
        ({"headings": {"de": "Neu"}}, "English language content is required"),
        ({"contents": "Hello"}, "contents is invalid"),
        ({"idempotency_key": "key-1"}, "idempotency_key is invalid"),
        ({"ttl": 2_419_201}, "ttl is invalid"),
        ({"ttl": "60"}, "ttl is invalid"),
        ({"collapse_id": "x" * 65}, "collapse_id is invalid"),
        ({"buttons": [{"id": "a"}]}, "buttons is invalid"),
        ({"buttons": [{"id": "a", "text": "A", "url": "x"}]}, "buttons is invalid"),
        ({"ios_badgeType": "Set"}, "ios_badgeType is invalid"),
        ({"name": "x" * 129}, "name is invalid"),
        ({"title": "x"}, "Unknown parameter: title"),
        ({"url": "https://a.example", "web_url": "https://b.example"}, "url can not be set"),
        ({"data": {"x": "y" * 2048}}, "at most 2048"),
        ({"contents": {"en": "x" * 4096}}, "at most 4096"),
        ({"template_id": str(uuid4())}, "Template not found"),
    ],
)
def test_bad_messages_are_refused(
    sandbox: SandboxProcess, changes: dict[str, Any], words: str
) -> None:
    answer = sandbox.onesignal(onesignal(**changes))
    assert answer.status_code == 400
    [error] = answer.json()["errors"]
    assert words in error
    assert sandbox.messages() == []


def test_an_alias_needs_its_channel(sandbox: SandboxProcess) -> None:
    target = {"include_subscription_ids": None, "include_aliases": {"external_id": ["ada"]}}
    refused = sandbox.onesignal(onesignal(**target, target_channel=None))
    assert refused.json() == {"errors": ["target_channel is required with include_aliases."]}
    assert sandbox.onesignal(onesignal(**target)).json()["id"]
    assert [message["to"] for message in sandbox.messages()] == ["ada"]
    segments = {"include_subscription_ids": None, "included_segments": ["All"]}
    assert sandbox.onesignal(onesignal(**segments)).status_code == 400
    for content in (b"{", b"[]"):
        headers = {"Authorization": "Key os_test"}
        path = "/onesignal/notifications"
        assert sandbox.http.post(path, content=content, headers=headers).status_code == 400


@pytest.mark.parametrize("header", ["", "Key", "Basic os_test", "Bearer os_test"])
def test_bad_credentials_are_refused(sandbox: SandboxProcess, header: str) -> None:
    answer = sandbox.onesignal(Authorization=header)
    assert answer.status_code == 403
    assert "Access denied" in answer.json()["errors"][0]
    foreign = sandbox.onesignal(onesignal(app_id=str(uuid4())))
    assert foreign.status_code == 403
    assert sandbox.messages() == []


def test_a_key_sends_once(sandbox: SandboxProcess) -> None:
    body = onesignal(idempotency_key=str(uuid4()))
    first = sandbox.onesignal(body).json()
    again = sandbox.onesignal({**body, "contents": {"en": "Other"}}).json()
    assert first == again == {"id": first["id"], "external_id": body["idempotency_key"]}
    [message] = sandbox.messages()
    assert (message["text"], message["idempotencyKey"]) == ("Hello", body["idempotency_key"])
    other = sandbox.onesignal(onesignal(idempotency_key=str(uuid4()))).json()
    assert other["id"] != first["id"]
    assert sandbox.onesignal(onesignal()).json()["external_id"] is None
    assert len(sandbox.messages()) == 3


@pytest.mark.parametrize(
    ("target", "errors"),
    [
        ({"include_subscription_ids": [DEAD]}, {"invalid_player_ids": [DEAD]}),
        (
            {"include_aliases": {"external_id": ["unknown-1"]}},
            {"invalid_aliases": {"external_id": ["unknown-1"]}},
        ),
        (
            {"include_aliases": {"external_id": ["unsubscribed-1"]}},
            ["All included players are not subscribed"],
        ),
    ],
)
def test_nobody_to_send_to_is_a_good_answer_without_an_id(
    sandbox: SandboxProcess, target: dict[str, Any], errors: Any
) -> None:
    body = onesignal(**{"include_subscription_ids": None, **target}, idempotency_key=str(uuid4()))
    for _ in range(2):
        answer = sandbox.onesignal(body)
        assert (answer.status_code, answer.json()) == (200, {"id": "", "errors": errors})
    assert sandbox.messages() == []


def test_those_that_can_be_reached_are(sandbox: SandboxProcess) -> None:
    answer = sandbox.onesignal(onesignal(include_subscription_ids=[DEVICE, DEAD, OTHER])).json()
    assert answer["id"]
    assert answer["errors"] == {"invalid_player_ids": [DEAD]}
    assert [message["to"] for message in sandbox.messages()] == [f"{DEVICE}, {OTHER}"]


def test_a_device_named_twice_can_have_its_message_replaced(sandbox: SandboxProcess) -> None:
    body = onesignal(include_subscription_ids=[DEVICE, DEVICE], collapse_id="news")
    for _ in range(2):
        assert sandbox.onesignal(body).status_code == 200
    [message] = sandbox.messages(provider="onesignal", to=DEVICE)
    assert message["replaced"] == 1


def test_views_need_the_app_and_a_message(sandbox: SandboxProcess) -> None:
    message_id = sandbox.onesignal().json()["id"]
    assert view(sandbox, message_id, app_id=None).status_code == 400
    assert view(sandbox, message_id, app_id=str(uuid4())).status_code == 403
    assert view(sandbox, str(uuid4())).status_code == 404
    assert sandbox.http.get("/onesignal/apps").json() == {"errors": ["Not found."]}
    sandbox.http.put("/mode", json={"keep": "counts"})
    hidden = sandbox.onesignal().json()["id"]
    assert view(sandbox, hidden).status_code == 503
    assert view(sandbox, message_id).status_code == 200


@pytest.mark.parametrize(
    ("event", "kind", "counts"),
    [
        ("sent", "message.push.sent", (1, 0, 0, 0)),
        ("delivered", "message.push.received", (1, 0, 1, 0)),
        ("clicked", "message.push.clicked", (1, 0, 1, 1)),
        ("failed", "message.push.failed", (0, 1, 0, 0)),
    ],
)
def test_callbacks(
    sandbox: SandboxProcess,
    receiver: Receiver,
    event: str,
    kind: str,
    counts: tuple[int, ...],
) -> None:
    message_id = sandbox.onesignal(onesignal(name="job_match", url="https://a.example")).json()[
        "id"
    ]
    assert sandbox.callback("onesignal", message_id, event).status_code == 200
    [received] = receiver.requests
    assert received.path == "/api/webhooks/onesignal"
    assert received.headers["authorization"] == f"Bearer {SECRET}"
    told = json.loads(received.body)["event"]
    clicked = {"url": "https://a.example"} if event == "clicked" else {}
    data = {"message_id": message_id, "message_name": "job_match", **clicked}
    assert (told["kind"], told["data"]) == (kind, data)
    seen = view(sandbox, message_id).json()
    names = ("successful", "failed", "received", "converted")
    assert tuple(seen[name] for name in names) == counts
    assert sandbox.callback("onesignal", message_id, "complained").status_code == 422


def test_without_a_secret_it_cannot_call_back() -> None:
    with SandboxProcess() as silent:
        message_id = silent.onesignal().json()["id"]
        answer = silent.callback("onesignal", message_id, "delivered")
        assert answer.status_code == 422
        assert "ONESIGNAL_WEBHOOK_SECRET" in answer.text


def test_faults(sandbox: SandboxProcess) -> None:
    sandbox.fault("onesignal", "status", status=429, retryAfter=7, to=DEVICE, times=1)
    limited = sandbox.onesignal()
    assert (limited.status_code, limited.headers["retry-after"]) == (429, "7")
    assert limited.json() == {"errors": ["API rate limit exceeded."]}
    target = {"include_subscription_ids": None, "include_aliases": {"external_id": ["ada"]}}
    sandbox.fault("onesignal", "status", status=503, to="ada", times=1)
    assert sandbox.onesignal(onesignal(**target)).status_code == 503
    assert sandbox.onesignal(onesignal(**target)).status_code == 200
