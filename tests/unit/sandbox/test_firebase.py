"""The push stand-in checks FCM's schema, fails dead tokens and replaces by collapse id."""

from collections.abc import Iterator
from typing import Any

import firebase_admin
import google.auth.credentials
import pytest
from firebase_admin import credentials, exceptions, messaging

from tests.unit.sandbox.support import SandboxProcess, push


def fcm_code(error: dict[str, Any]) -> str:
    kind = "type.googleapis.com/google.firebase.fcm.v1.FcmError"
    codes: list[str] = [d["errorCode"] for d in error["details"] if d["@type"] == kind]
    return codes[0]


def test_a_good_message_is_taken(sandbox: SandboxProcess) -> None:
    message = push(
        data={"url": "/jobs/1"},
        android={"priority": "high", "ttl": "3600s", "notification": {"channelId": "jobs"}},
        apns={"headers": {"apns-priority": "10"}, "payload": {"aps": {"badge": 1}}},
        webpush={"notification": {"actions": [{"action": "a", "title": "Apply"}]}},
    )
    answer = sandbox.push(message)
    assert answer.status_code == 200
    [kept] = sandbox.messages(provider="firebase", to="device-1")
    assert kept["id"] == answer.json()["name"]
    assert kept["id"].startswith("projects/demo/messages/")
    assert (kept["subject"], kept["text"]) == ("New match", "Hello")
    assert kept["payload"] == {"message": message}


@pytest.mark.parametrize("target", ["fid", "topic", "condition"])
def test_every_target_is_taken(sandbox: SandboxProcess, target: str) -> None:
    assert sandbox.push(push(token=None, **{target: "news"})).status_code == 200
    assert sandbox.messages()[0]["to"] == "news"


@pytest.mark.parametrize(
    ("message", "words"),
    [
        (push(token=None), "Recipient of the message is not set"),
        (push(topic="news"), "already set"),
        (push(fid="installation"), "already set"),
        (push(notificaton={}), "Unknown name \"notificaton\" at 'message'"),
        (push(notification={"titel": "x"}), "Unknown name \"titel\" at 'message.notification'"),
        (push(android={"notification": {"badge": 1}}), 'Unknown name "badge"'),
        (push(data={"n": 12}), "Invalid value at 'message.data[0].value' (TYPE_STRING), 12"),
        (push(data={"from": "x"}), "Invalid data payload key: from"),
        (push(data={"google.x": "x"}), "Invalid data payload key"),
        (push(notification={"title": 5}), "TYPE_STRING"),
        (push(android={"ttl": "1h"}), "Duration"),
        (push(android={"ttl": "2419201s"}), "Invalid TTL"),
        (push(android={"priority": "urgent"}), "AndroidMessagePriority"),
        (push(android={"notification": {"notification_count": "1"}}), "TYPE_INT32"),
        (push(android={"notification": {"title_loc_args": "x"}}), "LIST"),
        (push(apns={"payload": []}), "Struct"),
        (push(apns={"headers": {"apns-priority": 10}}), "TYPE_STRING"),
        (push(android={"notification": {"color": "red"}}), "#rrggbb"),
        (push(android={"notification": {"notification_count": 2**31}}), "TYPE_INT32"),
        (push(android={"notification": {"lightSettings": {"color": {}}}}), "is required"),
        (push(webpush={"headers": {"TTL": "5m"}}), "message.webpush.headers.TTL"),
        (push(webpush={"headers": {"Topic": "x" * 33}}), "message.webpush.headers.Topic"),
        (push(webpush={"headers": {"Urgency": "now"}}), "message.webpush.headers.Urgency"),
        (push(webpush={"notification": {"actions": [{"action": "a"}]}}), "notification.actions"),
        (push(webpush={"notification": {"silent": 1}}), "notification.silent"),
        (push(webpush={"fcm_options": {"link": "http://example.com"}}), "HTTPS is required"),
        (push(apns={"headers": {"apns-priority": "7"}}), "apns-priority"),
        (push(apns={"headers": {"apns-collapse-id": "x" * 65}}), "apns-collapse-id"),
        (push(apns={"headers": {"apns-expiration": "soon"}}), "apns-expiration"),
        (push(apns={"headers": {"apns-push-type": "loud"}}), "apns-push-type"),
        (push(apns={"payload": {"aps": []}}), "aps must be an object"),
        (push(apns={"payload": {"aps": {"badge": "1"}}}), "aps.badge"),
        (push(apns={"payload": {"aps": {"mutable-content": True}}}), "aps.mutable-content"),
        (push(token="two words"), "not a valid FCM registration token"),
        (push(token=None, topic="no spaces"), "Invalid topic name"),
        (push(data={"x": "y" * 4096}), "Message too big"),
        (push(apns={"payload": {"aps": {"x": "y" * 4096}}}), "Message too big"),
        (push(token=None, topic="news", data={"x": "y" * 2100}), "Message too big"),
        ([], "OBJECT"),
    ],
)
def test_bad_messages_are_refused(sandbox: SandboxProcess, message: Any, words: str) -> None:
    answer = sandbox.push(message)
    error = answer.json()["error"]
    assert answer.status_code == 400
    assert (error["code"], error["status"]) == (400, "INVALID_ARGUMENT")
    assert fcm_code(error) == "INVALID_ARGUMENT"
    assert words in error["message"]
    assert sandbox.messages() == []


def test_the_request_around_the_message_is_checked_too(sandbox: SandboxProcess) -> None:
    assert sandbox.push(extra=True).json()["error"]["status"] == "INVALID_ARGUMENT"
    broken = sandbox.http.post("/fcm/v1/projects/demo/messages:send", content=b"{")
    assert broken.json()["error"]["status"] == "INVALID_ARGUMENT"
    assert sandbox.http.post("/fcm/v1/projects/demo/other").status_code == 404


def test_a_payload_of_4096_bytes_is_taken(sandbox: SandboxProcess) -> None:
    used = len("titleNew matchbodyHello" + "x")
    assert sandbox.push(push(data={"x": "y" * (4096 - used)})).status_code == 200
    assert sandbox.push(push(data={"x": "y" * (4097 - used)})).status_code == 400


@pytest.mark.parametrize(
    ("token", "status", "rpc", "code"),
    [
        ("dead-unregistered-1", 404, "NOT_FOUND", "UNREGISTERED"),
        ("mismatch-1", 403, "PERMISSION_DENIED", "SENDER_ID_MISMATCH"),
    ],
)
def test_dead_tokens(sandbox: SandboxProcess, token: str, status: int, rpc: str, code: str) -> None:
    answer = sandbox.push(push(token=token))
    error = answer.json()["error"]
    assert (answer.status_code, error["status"], fcm_code(error)) == (status, rpc, code)


@pytest.mark.parametrize(
    "collapse",
    [
        {"android": {"collapse_key": "n1"}},
        {"android": {"collapseKey": "n1"}},
        {"android": {"notification": {"tag": "n1"}}},
        {"apns": {"headers": {"apns-collapse-id": "n1"}}},
        {"webpush": {"headers": {"Topic": "n1"}}},
        {"webpush": {"notification": {"tag": "n1"}}},
    ],
)
def test_a_message_replaces_the_one_before(
    sandbox: SandboxProcess, collapse: dict[str, Any]
) -> None:
    for body in ("one", "two", "three"):
        sandbox.push(push(notification={"title": "T", "body": body}, **collapse))
    sandbox.push(push(token="device-2", **collapse))
    first, second = sandbox.messages()
    assert (first["text"], first["replaced"]) == ("three", 2)
    assert (second["to"], second["replaced"]) == ("device-2", 0)
    counts = {"messages": 2, "recipients": 2, "once": 2, "twiceOrMore": 0}
    assert sandbox.counts() == counts


def test_validate_only_shows_nothing(sandbox: SandboxProcess) -> None:
    answer = sandbox.push(validate_only=True)
    assert answer.json() == {"name": "projects/demo/messages/fake_message_id"}
    assert sandbox.messages() == []


def test_authorization_can_be_required() -> None:
    with SandboxProcess("--firebase-auth", "required") as strict:
        refused = strict.push()
        assert (refused.status_code, refused.json()["error"]["status"]) == (401, "UNAUTHENTICATED")
        strict.http.headers["Authorization"] = "Bearer ya29.token"
        assert strict.push().status_code == 200


class Anonymous(credentials.Base):  # type: ignore[misc]
    def get_credential(self) -> google.auth.credentials.Credentials:
        return google.auth.credentials.AnonymousCredentials()


@pytest.fixture
def app(sandbox: SandboxProcess, monkeypatch: pytest.MonkeyPatch) -> Iterator[firebase_admin.App]:
    url = f"{sandbox.url}/fcm/v1/projects/{{0}}/messages:send"
    monkeypatch.setattr(messaging._MessagingService, "FCM_URL", url)
    made = firebase_admin.initialize_app(Anonymous(), {"projectId": "demo"}, name="sandbox-test")
    yield made
    firebase_admin.delete_app(made)


async def test_the_real_sdk(sandbox: SandboxProcess, app: firebase_admin.App) -> None:
    notification = messaging.Notification(title="New match", body="Hello")
    android = messaging.AndroidConfig(
        priority="high",
        collapse_key="n1",
        notification=messaging.AndroidNotification(channel_id="jobs", notification_count=3),
    )
    aps = messaging.Aps(badge=3, sound="default")
    messages = [
        messaging.Message(
            fid=fid,
            notification=notification,
            android=android,
            apns=messaging.APNSConfig(
                headers={"apns-collapse-id": "n1"}, payload=messaging.APNSPayload(aps=aps)
            ),
            webpush=messaging.WebpushConfig(
                headers={"Topic": "n1"},
                notification=messaging.WebpushNotification(
                    actions=[messaging.WebpushNotificationAction("apply", "Apply")]
                ),
            ),
        )
        for fid in ("device-1", "unregistered-1", "mismatch-1")
    ]
    batch = await messaging.send_each_async(messages, app=app)
    good, dead, foreign = batch.responses
    assert good.success
    assert isinstance(dead.exception, messaging.UnregisteredError)
    assert isinstance(foreign.exception, messaging.SenderIdMismatchError)
    [kept] = sandbox.messages()
    assert kept["id"] == good.message_id

    sandbox.fault("firebase", "status", status=429, times=1)
    limited = (await messaging.send_each_async(messages[:1], app=app)).responses[0]
    assert isinstance(limited.exception, messaging.QuotaExceededError)
    assert isinstance(limited.exception, exceptions.FirebaseError)
