"""Callbacks carry the vendors' real signatures and what their receivers answer comes back."""

from urllib.parse import parse_qsl

import pytest
import resend
from twilio.request_validator import RequestValidator

from tests.unit.sandbox.support import (
    ACCOUNT,
    SENDER,
    SERVICE,
    TWILIO_TOKEN,
    WEBHOOK_SECRET,
    Received,
    Receiver,
    SandboxProcess,
    email,
)


def verified_email_event(received: Received) -> dict[str, object]:
    event = resend.Webhooks.verify(
        {
            "payload": received.body,
            "headers": {
                "id": received.headers["svix-id"],
                "timestamp": received.headers["svix-timestamp"],
                "signature": received.headers["svix-signature"],
            },
            "webhook_secret": WEBHOOK_SECRET,
        }
    )
    return dict(event)


def verified_params(receiver: Receiver, received: Received) -> dict[str, str]:
    params = dict(parse_qsl(received.body, keep_blank_values=True))
    signature = received.headers["x-twilio-signature"]
    validator = RequestValidator(TWILIO_TOKEN)
    assert validator.validate(receiver.url + received.path, params, signature)
    assert not validator.validate(receiver.url + received.path, params | {"X": "y"}, signature)
    return params


@pytest.mark.parametrize(
    ("event", "extra"),
    [
        ("sent", None),
        ("delivered", None),
        ("bounced", "bounce"),
        ("complained", None),
        ("opened", None),
        ("clicked", "click"),
        ("failed", "failed"),
    ],
)
def test_email_events(
    sandbox: SandboxProcess, receiver: Receiver, event: str, extra: str | None
) -> None:
    receiver.status = 202
    message_id = sandbox.email(email(tags=[{"name": "kind", "value": "job"}])).json()["id"]
    answer = sandbox.callback("resend", message_id, event)
    assert (answer.status_code, answer.json()["status"]) == (200, 202)
    [received] = receiver.requests
    assert received.path == "/api/webhooks/resend"
    body = verified_email_event(received)
    data = body["data"]
    assert isinstance(data, dict)
    assert body["type"] == f"email.{event}"
    assert (data["email_id"], data["to"]) == (message_id, ["ada@example.com"])
    assert data["tags"] == {"kind": "job"}
    assert extra is None or extra in data
    assert sandbox.messages()[0]["status"] == event


@pytest.mark.parametrize(
    ("event", "code"),
    [("sent", None), ("delivered", None), ("undelivered", "30003"), ("failed", "30008")],
)
def test_sms_events(
    sandbox: SandboxProcess, receiver: Receiver, event: str, code: str | None
) -> None:
    sid = sandbox.sms().json()["sid"]
    assert sandbox.callback("twilio", sid, event).json()["status"] == 200
    [received] = receiver.requests
    params = verified_params(receiver, received)
    assert received.path == "/api/webhooks/twilio"
    assert (params["MessageSid"], params["MessageStatus"]) == (sid, event)
    assert (params["AccountSid"], params.get("ErrorCode")) == (ACCOUNT, code)
    assert sandbox.sms_list().json()["messages"][0]["status"] == event


def test_a_status_callback_of_the_product_is_called_as_given(
    sandbox: SandboxProcess, receiver: Receiver
) -> None:
    own = f"{receiver.url}/api/webhooks/twilio?delivery=7"
    sandbox.callback("twilio", sandbox.sms(StatusCallback=own).json()["sid"], "delivered")
    foreign = sandbox.sms(StatusCallback="https://example.com/hook").json()["sid"]
    sandbox.callback("twilio", foreign, "delivered")
    first, second = receiver.requests
    assert (first.path, second.path) == (
        "/api/webhooks/twilio?delivery=7",
        "/api/webhooks/twilio",
    )
    verified_params(receiver, first)


def test_stop_opts_out_with_the_vendor_until_start(
    sandbox: SandboxProcess, receiver: Receiver
) -> None:
    sid = sandbox.sms().json()["sid"]
    sandbox.callback("twilio", sid, "reply", text=" stop ")
    params = verified_params(receiver, receiver.requests[-1])
    assert (params["From"], params["To"], params["Body"]) == ("+4915112345678", SENDER, " stop ")
    assert (params["SmsStatus"], params["OptOutType"]) == ("received", "STOP")
    assert params["MessageSid"] != sid
    assert sandbox.sms().json()["code"] == 21610
    assert sandbox.sms(To="+4915112345679").status_code == 201
    assert sandbox.sms(From="Herald").status_code == 201

    sandbox.callback("twilio", sid, "reply", text="thanks, do not stop")
    assert "OptOutType" not in verified_params(receiver, receiver.requests[-1])
    assert sandbox.sms().json()["code"] == 21610
    sandbox.callback("twilio", sid, "reply", text="START")
    assert sandbox.sms().status_code == 201


def test_a_reply_to_a_messaging_service_names_it(
    sandbox: SandboxProcess, receiver: Receiver
) -> None:
    sid = sandbox.sms(From=None, MessagingServiceSid=SERVICE).json()["sid"]
    sandbox.callback("twilio", sid, "reply", text="STOP")
    assert verified_params(receiver, receiver.requests[0])["MessagingServiceSid"] == SERVICE
    assert sandbox.sms(From=None, MessagingServiceSid=SERVICE).json()["code"] == 21610


def test_bad_callbacks_are_refused(sandbox: SandboxProcess, receiver: Receiver) -> None:
    mail = sandbox.email().json()["id"]
    sms = sandbox.sms().json()["sid"]
    device = sandbox.push().json()["name"]
    for answer, status, words in (
        (sandbox.callback("pigeon", mail, "delivered"), 422, "no provider `pigeon`"),
        (sandbox.callback("resend", mail, "undelivered"), 422, "no event `undelivered`"),
        (sandbox.callback("twilio", sms, "opened"), 422, "no event `opened`"),
        (sandbox.callback("twilio", sms, "reply"), 422, "needs its `text`"),
        (sandbox.callback("firebase", device, "delivered"), 422, "sends no webhooks"),
        (sandbox.callback("resend", "nope", "delivered"), 404, "keeps no message nope"),
        (sandbox.callback("resend", mail, "delivered", extra=1), 422, "extra"),
    ):
        assert (answer.status_code, words in answer.json()["detail"]) == (status, True)
    assert receiver.requests == []


def test_without_secrets_or_a_receiver_it_says_so() -> None:
    with SandboxProcess() as bare:
        mail, sms = bare.email().json()["id"], bare.sms().json()["sid"]
        for provider, message_id, name in (
            ("resend", mail, "RESEND_WEBHOOK_SECRET"),
            ("twilio", sms, "TWILIO_AUTH_TOKEN"),
        ):
            answer = bare.callback(provider, message_id, "delivered")
            assert (answer.status_code, name in answer.json()["detail"]) == (422, True)
    closed = ("--callback-base-url", "http://127.0.0.1:1")
    with SandboxProcess(*closed, "--resend-webhook-secret", WEBHOOK_SECRET) as alone:
        answer = alone.callback("resend", alone.email().json()["id"], "delivered")
        assert answer.status_code == 502
    with SandboxProcess("--resend-webhook-secret", "whsec_%") as wrong:
        answer = wrong.callback("resend", wrong.email().json()["id"], "delivered")
        assert (answer.status_code, "base64" in answer.json()["detail"]) == (422, True)
