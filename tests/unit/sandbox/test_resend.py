"""The email stand-in refuses what Resend refuses, in Resend's words, and sends once per key."""

import base64
import threading
from typing import Any

import httpx
import pytest
import resend

from tests.unit.sandbox.support import SandboxProcess, email

FORMAT = "needs to follow the `email@example.com`"


def test_a_good_email_is_taken_and_can_be_read_back(sandbox: SandboxProcess) -> None:
    body = email(
        to=["Ada <ada@example.com>", "bob@example.com"], tags=[{"name": "a", "value": "b"}]
    )
    answer = sandbox.email(body, key="k-1")
    assert answer.status_code == 200
    [message] = sandbox.messages()
    assert message == {
        "provider": "resend",
        "id": answer.json()["id"],
        "to": "ada@example.com, bob@example.com",
        "subject": "New match",
        "text": "Hello",
        "html": "<p>Hello</p>",
        "payload": body,
        "idempotencyKey": "k-1",
        "receivedAt": message["receivedAt"],
        "status": "sent",
        "replaced": 0,
    }
    headers = {"Authorization": "Bearer re_test"}
    read = sandbox.http.get(f"/resend/emails/{message['id']}", headers=headers).json()
    assert (read["object"], read["last_event"], read["to"]) == ("email", "sent", body["to"])
    missing = sandbox.http.get("/resend/emails/nope", headers=headers)
    assert (missing.status_code, missing.json()["name"]) == (404, "not_found")


@pytest.mark.parametrize(
    ("change", "name", "words"),
    [
        ({"from": None}, "missing_required_field", "Missing `from`"),
        ({"from": "jobs"}, "invalid_from_address", FORMAT),
        ({"to": None}, "missing_required_field", "Missing `to`"),
        ({"to": []}, "missing_required_field", "Missing `to`"),
        ({"to": "ada@localhost"}, "validation_error", FORMAT),
        ({"to": "Ada <ada@example.com"}, "validation_error", FORMAT),
        ({"to": "ada@exämple.com"}, "validation_error", FORMAT),
        ({"to": [f"u{n}@example.com" for n in range(51)]}, "validation_error", "at most 50"),
        ({"cc": "nobody"}, "validation_error", "`cc`"),
        ({"reply_to": ["x@example.com", 3]}, "validation_error", "`reply_to`"),
        ({"subject": None}, "missing_required_field", "Missing `subject`"),
        ({"subject": "a\r\nBcc: b@c.de"}, "validation_error", "line breaks"),
        ({"html": None, "text": None}, "missing_required_field", "`html` or `text`"),
        ({"html": 3}, "validation_error", "`html`"),
        ({"headers": {"X-A": 1}}, "validation_error", "headers.X-A"),
        ({"headers": {"X A": "1"}}, "validation_error", "headers.X A"),
        ({"tags": [{"name": "a b", "value": "c"}]}, "validation_error", "ASCII letters"),
        ({"tags": [{"name": "a"}]}, "validation_error", "`name` and `value`"),
        ({"scheduled_at": 5}, "validation_error", "scheduled_at"),
        ({"attachments": [{"filename": "a"}]}, "invalid_attachment", "`content` or `path`"),
        ({"attachments": [{"content": "aGk="}]}, "invalid_attachment", "`filename`"),
        ({"attachments": [{"filename": "a", "content": "%"}]}, "invalid_attachment", "Base64"),
        ({"attachments": [{"path": "/etc/passwd"}]}, "invalid_attachment", "URL"),
    ],
)
def test_bad_emails_are_refused(
    sandbox: SandboxProcess, change: dict[str, Any], name: str, words: str
) -> None:
    answer = sandbox.email(email(**change))
    assert answer.status_code == 422
    assert answer.json().keys() == {"statusCode", "name", "message"}
    assert (answer.json()["statusCode"], answer.json()["name"]) == (422, name)
    assert words in answer.json()["message"]
    assert sandbox.messages() == []


def test_attachments_over_40_mb_are_refused(sandbox: SandboxProcess) -> None:
    content = base64.b64encode(bytes(31 * 1024 * 1024)).decode()
    whole = {"filename": "cv.pdf", "content": content}
    answer = sandbox.email(email(attachments=[whole]))
    assert (answer.status_code, answer.json()["name"]) == (422, "invalid_attachment")
    small = {"filename": "cv.pdf", "content": "aGk=", "content_type": "application/pdf"}
    assert sandbox.email(email(attachments=[small])).status_code == 200


@pytest.mark.parametrize(
    ("headers", "status", "name"),
    [
        ({"Authorization": ""}, 401, "missing_api_key"),
        ({"Authorization": "Basic abc"}, 401, "missing_api_key"),
        ({"Authorization": "Bearer sk_123"}, 403, "invalid_api_key"),
        ({"User-Agent": ""}, 403, "validation_error"),
    ],
)
def test_bad_credentials_are_refused(
    sandbox: SandboxProcess, headers: dict[str, str], status: int, name: str
) -> None:
    answer = sandbox.email(**headers)
    assert (answer.status_code, answer.json()["name"]) == (status, name)


def test_bad_json_and_unknown_paths_answer_in_resends_shape(sandbox: SandboxProcess) -> None:
    headers = {"Authorization": "Bearer re_test"}
    bad = sandbox.http.post("/resend/emails", content=b"{", headers=headers)
    assert (bad.status_code, bad.json()["name"]) == (400, "validation_error")
    unknown = sandbox.http.post("/resend/domains", headers=headers)
    assert (unknown.status_code, unknown.json()["name"]) == (404, "not_found")


def test_a_key_sends_once(sandbox: SandboxProcess) -> None:
    first = sandbox.email(key="same")
    again = sandbox.email(key="same")
    assert (again.status_code, again.json()) == (200, first.json())
    other = sandbox.email(email(subject="Other"), key="same")
    assert (other.status_code, other.json()["name"]) == (409, "invalid_idempotent_request")
    batch = sandbox.email([email()], key="same", path="/resend/emails/batch")
    assert (batch.status_code, batch.json()["name"]) == (409, "invalid_idempotent_request")
    assert len(sandbox.messages()) == 1
    long = sandbox.email(key="x" * 257)
    assert (long.status_code, long.json()["name"]) == (400, "invalid_idempotency_key")


def test_a_key_is_for_the_same_words_in_any_order_of_fields(sandbox: SandboxProcess) -> None:
    body = email(cc="bob@example.com", tags=[{"name": "a", "value": "b"}])
    first = sandbox.email(body, key="k")
    backwards = dict(reversed(body.items()))
    assert sandbox.email(backwards, key="k").json() == first.json()
    assert len(sandbox.messages()) == 1


@pytest.mark.parametrize(
    "change",
    [
        {"to": "eve@example.com"},
        {"to": ["ada@example.com"]},
        {"subject": "New natch"},
        {"html": "<p>Hallo</p>"},
        {"html": None},
        {"html": ""},
        {"html": "Hello", "text": "<p>Hello</p>"},
        {"subject": "New", "text": "matchHello"},
        {"tags": []},
        {"unknown": 1},
    ],
)
def test_a_key_is_not_for_other_words(sandbox: SandboxProcess, change: dict[str, Any]) -> None:
    assert sandbox.email(email(), key="k").status_code == 200
    other = sandbox.email(email(**change), key="k")
    assert (other.status_code, other.json()["name"]) == (409, "invalid_idempotent_request")


def test_a_key_is_for_the_bad_emails_of_a_batch_too(sandbox: SandboxProcess) -> None:
    def send(*emails: Any) -> httpx.Response:
        headers = {"x-batch-validation": "permissive"}
        return sandbox.email(list(emails), key="k", path="/resend/emails/batch", **headers)

    bad, worse = email(to="nobody", html="<p>1</p>"), email(to="nobody", html="<p>2</p>")
    first = send(email(), bad)
    assert (len(first.json()["data"]), len(first.json()["errors"])) == (1, 1)
    assert send(email(), bad).json() == first.json()
    for other in ((bad, email()), (email(), worse), (email(),), (email(), bad, bad)):
        assert send(*other).status_code == 409
    assert len(sandbox.messages()) == 1


def test_a_refused_email_does_not_use_up_its_key(sandbox: SandboxProcess) -> None:
    assert sandbox.email(email(to="nobody"), key="k").status_code == 422
    assert sandbox.email(email(), key="k").status_code == 200


def test_a_key_under_way_is_refused(sandbox: SandboxProcess) -> None:
    sandbox.fault("resend", "delay", delayMs=1500, times=1)
    first: list[int] = []
    slow = threading.Thread(target=lambda: first.append(sandbox.email(key="k").status_code))
    slow.start()
    # The fault is used up, and off the list, once the first call is under way.
    while sandbox.http.get("/faults").json()["data"]:
        assert slow.is_alive()
    during = sandbox.email(key="k")
    slow.join()
    assert (during.status_code, during.json()["name"]) == (409, "concurrent_idempotent_requests")
    assert first == [200]
    assert sandbox.email(key="k").status_code == 200
    assert len(sandbox.messages()) == 1


def test_batches(sandbox: SandboxProcess) -> None:
    path = "/resend/emails/batch"
    emails = [email(to=f"u{n}@example.com") for n in range(100)]
    answer = sandbox.email(emails, key="b", path=path)
    assert sandbox.email(emails, key="b", path=path).json() == answer.json()
    ids = [item["id"] for item in answer.json()["data"]]
    assert [message["id"] for message in sandbox.messages()] == ids
    assert len(set(ids)) == 100

    assert sandbox.email([*emails, email()], path=path).status_code == 422
    assert sandbox.email([], path=path).status_code == 422
    assert sandbox.email([email(scheduled_at="in 1 hour")], path=path).status_code == 422
    mixed = [email(), email(to="nobody")]
    assert sandbox.email(mixed, path=path).status_code == 422
    assert len(sandbox.messages()) == 100
    permissive = sandbox.email(mixed, path=path, **{"x-batch-validation": "permissive"}).json()
    assert len(permissive["data"]) == 1
    assert [error["index"] for error in permissive["errors"]] == [1]


def test_the_real_sdk(sandbox: SandboxProcess, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resend, "api_url", f"{sandbox.url}/resend")
    monkeypatch.setattr(resend, "api_key", "re_test")
    params: resend.Emails.SendParams = {
        "from": "Jobs <jobs@example.com>",
        "to": ["ada@example.com"],
        "subject": "New match",
        "html": "<p>Hello</p>",
        "attachments": [{"filename": "a.txt", "content": list(b"hello")}],
    }
    sent = resend.Emails.send(params, {"idempotency_key": "sdk"})
    assert resend.Emails.send(params, {"idempotency_key": "sdk"})["id"] == sent["id"]
    assert resend.Emails.get(sent["id"])["last_event"] == "sent"
    many = resend.Batch.send([{**params, "attachments": []}], {"idempotency_key": "sdk-batch"})
    assert len(many["data"]) == 1
    assert len(sandbox.messages(provider="resend")) == 2

    sandbox.fault("resend", "status", status=429, retryAfter=7)
    with pytest.raises(resend.exceptions.RateLimitError) as limited:
        resend.Emails.send(params)
    headers = {name.lower(): value for name, value in limited.value.headers.items()}
    assert headers["retry-after"] == "7"
