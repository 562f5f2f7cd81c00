"""Faults hit the calls they are meant for, as often as asked, in the vendor's own words."""

import socket
import time
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from tests.unit.sandbox.support import SandboxProcess, email, push

SENDS: dict[str, Callable[[SandboxProcess], httpx.Response]] = {
    "resend": lambda sandbox: sandbox.email(),
    "twilio": lambda sandbox: sandbox.sms(),
    "firebase": lambda sandbox: sandbox.push(),
}


def error_of(provider: str, answer: httpx.Response) -> Any:
    body = answer.json()
    if provider == "firebase":
        return body["error"]["status"]
    return body["name"] if provider == "resend" else body["code"]


@pytest.mark.parametrize(
    ("provider", "status", "error"),
    [
        ("resend", 400, "validation_error"),
        ("resend", 429, "rate_limit_exceeded"),
        ("resend", 500, "internal_server_error"),
        ("resend", 503, "application_error"),
        ("twilio", 400, 20001),
        ("twilio", 429, 20429),
        ("twilio", 503, 20503),
        ("firebase", 400, "INVALID_ARGUMENT"),
        ("firebase", 429, "RESOURCE_EXHAUSTED"),
        ("firebase", 503, "UNAVAILABLE"),
    ],
)
def test_a_status_comes_in_the_vendors_shape(
    sandbox: SandboxProcess, provider: str, status: int, error: str | int
) -> None:
    sandbox.fault(provider, "status", status=status, retryAfter=3, times=2)
    for _ in range(2):
        answer = SENDS[provider](sandbox)
        assert (answer.status_code, error_of(provider, answer)) == (status, error)
        assert answer.headers["retry-after"] == "3"
    assert sandbox.messages() == []
    assert SENDS[provider](sandbox).is_success
    assert len(sandbox.messages()) == 1


@pytest.mark.parametrize("provider", SENDS)
def test_a_delay_delays(sandbox: SandboxProcess, provider: str) -> None:
    sandbox.fault(provider, "delay", delayMs=300, times=1)
    start = time.monotonic()
    assert SENDS[provider](sandbox).is_success
    assert time.monotonic() - start >= 0.3
    assert sandbox.http.get("/faults").json()["data"] == []
    assert len(sandbox.messages()) == 1


@pytest.mark.parametrize("provider", SENDS)
def test_a_dropped_response_was_taken(sandbox: SandboxProcess, provider: str) -> None:
    sandbox.fault(provider, "drop_response", times=1)
    with pytest.raises((httpx.RemoteProtocolError, httpx.ReadError)):
        SENDS[provider](sandbox)
    assert len(sandbox.messages(provider=provider)) == 1


@pytest.mark.parametrize("provider", SENDS)
def test_a_reset_call_was_not_taken(sandbox: SandboxProcess, provider: str) -> None:
    sandbox.fault(provider, "reset", times=1)
    with pytest.raises(httpx.ReadError):
        SENDS[provider](sandbox)
    assert sandbox.messages() == []
    assert SENDS[provider](sandbox).is_success


def test_after_a_dropped_response_the_key_sends_nothing_more(sandbox: SandboxProcess) -> None:
    sandbox.fault("resend", "drop_response", times=1)
    with pytest.raises(httpx.TransportError):
        sandbox.email(key="k")
    again = sandbox.email(key="k")
    [message] = sandbox.messages()
    assert again.json() == {"id": message["id"]}


@pytest.mark.parametrize("kind", ["drop_response", "reset"])
def test_the_connection_really_goes(sandbox: SandboxProcess, kind: str) -> None:
    sandbox.fault("resend", kind)
    body = b'{"from":"a@example.com","to":"b@example.com","subject":"s","text":"t"}'
    head = (
        "POST /resend/emails HTTP/1.1\r\nHost: sandbox\r\nUser-Agent: raw\r\n"
        f"Authorization: Bearer re_x\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    with socket.create_connection(("127.0.0.1", sandbox.port), timeout=10) as raw:
        raw.sendall(head.encode() + body)
        if kind == "reset":
            with pytest.raises(ConnectionResetError):
                raw.recv(1)
        else:
            assert raw.recv(1) == b""


def test_a_fault_can_be_for_one_recipient(sandbox: SandboxProcess) -> None:
    sandbox.fault("resend", "status", status=503, to="ADA@example.com")
    sandbox.fault("firebase", "status", status=503, to="device-1")
    assert sandbox.email(email(to="Ada <ada@example.com>")).status_code == 503
    assert sandbox.email(email(to="bob@example.com")).status_code == 200
    assert sandbox.push(push(token="device-1")).status_code == 503
    assert sandbox.push(push(token="device-2")).status_code == 200


def test_faults_add_up_and_are_listed_and_cleared(sandbox: SandboxProcess) -> None:
    sandbox.fault("twilio", "delay", delayMs=200)
    sandbox.fault("twilio", "status", status=500, times=1)
    sandbox.fault("resend", "reset")
    start = time.monotonic()
    assert sandbox.sms().status_code == 500
    assert time.monotonic() - start >= 0.2
    listed = sandbox.http.get("/faults").json()["data"]
    assert [(fault["kind"], fault["hits"]) for fault in listed] == [("delay", 1), ("reset", 0)]
    assert len(sandbox.http.get("/faults", params={"provider": "resend"}).json()["data"]) == 1
    assert sandbox.http.delete("/faults", params={"provider": "twilio"}).status_code == 204
    assert [fault["provider"] for fault in sandbox.http.get("/faults").json()["data"]] == ["resend"]
    assert sandbox.http.delete("/faults").status_code == 204
    assert sandbox.email().status_code == 200


def test_questions_fail_only_when_asked_for(sandbox: SandboxProcess) -> None:
    sandbox.fault("twilio", "status", status=503)
    assert sandbox.sms().status_code == 503
    assert sandbox.sms_list(To="+4915112345678").json()["messages"] == []
    sandbox.http.delete("/faults")
    sandbox.fault("twilio", "status", status=503, on="ask", times=1)
    assert sandbox.sms().status_code == 201
    assert sandbox.sms_list(To="+4915112345678").status_code == 503
    assert len(sandbox.sms_list(To="+4915112345678").json()["messages"]) == 1


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"kind": "reset"}, "provider"),
        ({"provider": "pigeon", "kind": "reset"}, "no provider `pigeon`"),
        ({"provider": "resend", "kind": "explode"}, "kind"),
        ({"provider": "resend", "kind": "status"}, "needs `status`"),
        ({"provider": "resend", "kind": "status", "status": 200}, "status"),
        ({"provider": "resend", "kind": "status", "status": "503"}, "status"),
        ({"provider": "resend", "kind": "delay"}, "needs `delayMs`"),
        ({"provider": "resend", "kind": "reset", "retryAfter": 1}, "kind `status`"),
        ({"provider": "resend", "kind": "reset", "times": 0}, "times"),
        ({"provider": "resend", "kind": "reset", "time": 1}, "time: Extra inputs"),
        ([], "body"),
    ],
)
def test_bad_faults_are_refused(sandbox: SandboxProcess, body: Any, words: str) -> None:
    answer = sandbox.http.post("/faults", json=body)
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    assert words in answer.json()["detail"]
    assert sandbox.http.get("/faults").json()["data"] == []
