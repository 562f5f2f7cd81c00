"""Messages, counts and modes; the outbox page; and what survives a killed process."""

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from sandbox.journal import Journal
from sandbox.keys import KeyRecord
from sandbox.store import Store
from sandbox.vendors import VENDORS
from tests.unit.sandbox.support import SandboxProcess, email, push


def test_health(sandbox: SandboxProcess) -> None:
    answer = sandbox.http.get("/health").json()
    assert answer == {"status": "ok", "providers": sorted(vendor.name for vendor in VENDORS)}


def test_messages_are_filtered(sandbox: SandboxProcess) -> None:
    sandbox.email()
    sandbox.email(email(to=["bob@example.com", "eve@example.com"]))
    sandbox.sms()
    middle = sandbox.messages()[1]["receivedAt"]

    assert [m["provider"] for m in sandbox.messages()] == ["resend", "resend", "twilio"]
    assert len(sandbox.messages(provider="resend")) == 2
    assert len(sandbox.messages(to="EVE@example.com")) == 1
    assert len(sandbox.messages(provider="resend", to="bob@example.com")) == 1
    assert sandbox.messages(provider="twilio", to="bob@example.com") == []
    assert len(sandbox.messages(since=middle)) == 2
    # A plus sign left unescaped, in a number and in a time's offset.
    assert len(sandbox.http.get("/messages?to=+4915112345678").json()["data"]) == 1
    assert len(sandbox.http.get(f"/messages?since={middle}").json()["data"]) == 2

    assert sandbox.http.delete("/messages").status_code == 204
    assert sandbox.messages() == []
    assert sandbox.counts()["messages"] == 0


@pytest.mark.parametrize(
    "query", ["provider=pigeon", "since=yesterday", "since=2026-01-01T00:00:00", "limit=3", "to="]
)
def test_bad_queries_are_refused(sandbox: SandboxProcess, query: str) -> None:
    answer = sandbox.http.get(f"/messages?{query}")
    assert answer.status_code == 422
    assert answer.json()["detail"]


def test_counts(sandbox: SandboxProcess) -> None:
    for to in ("a@example.com", "b@example.com", "b@example.com", "c@example.com"):
        sandbox.email(email(to=to))
    sandbox.email(email(to="c@example.com", subject="Other"))
    sandbox.sms()
    counted = {"messages": 5, "recipients": 3, "once": 3, "twiceOrMore": 1}
    assert sandbox.counts(provider="resend") == counted
    assert sandbox.counts()["messages"] == 6
    assert sandbox.http.get("/counts?provider=pigeon").status_code == 422


def test_counting_mode_keeps_no_messages(sandbox: SandboxProcess) -> None:
    sandbox.email(email(to="a@example.com"))
    assert sandbox.http.put("/mode", json={"keep": "counts"}).json() == {"keep": "counts"}
    sandbox.email(email(to="a@example.com"))
    first = sandbox.email(email(to="b@example.com"), key="k")
    assert sandbox.email(email(to="b@example.com"), key="k").json() == first.json()
    sandbox.push(push(android={"collapse_key": "n1"}))
    sandbox.push(push(android={"collapse_key": "n1"}))
    assert len(sandbox.messages()) == 1
    counted = {"messages": 3, "recipients": 2, "once": 1, "twiceOrMore": 1}
    assert sandbox.counts(provider="resend") == counted
    counted = {"messages": 1, "recipients": 1, "once": 1, "twiceOrMore": 0}
    assert sandbox.counts(provider="firebase") == counted
    headers = {"Authorization": "Bearer re_test"}
    unknown = sandbox.http.get(f"/resend/emails/{first.json()['id']}", headers=headers)
    assert unknown.status_code == 503

    for body in ({"keep": "some"}, {"keep": "all", "x": 1}, {}):
        assert sandbox.http.put("/mode", json=body).status_code == 422
    assert sandbox.http.put("/mode", content=b"{").status_code == 422
    assert sandbox.http.get("/mode").json() == {"keep": "counts"}


def test_clearing_messages_leaves_what_the_vendor_remembers(sandbox: SandboxProcess) -> None:
    first = sandbox.email(key="k")
    sandbox.http.delete("/messages")
    assert sandbox.email(key="k").json() == first.json()
    assert sandbox.messages() == []
    sandbox.http.delete("/state")
    assert sandbox.email(key="k").json() != first.json()


def test_a_key_is_forgotten_after_a_day() -> None:
    now = datetime(2026, 1, 1, tzinfo=UTC)
    store = Store(Journal(None), now=lambda: now)
    store.take([], KeyRecord("resend", "k", "f", {"id": "1"}, now))
    now += timedelta(hours=23, minutes=59)
    assert store.recall("resend", "k") is not None
    assert store.recall("other", "k") is None
    now += timedelta(minutes=1)
    assert store.recall("resend", "k") is None
    store.take([], KeyRecord("resend", "k", "other", {"id": "2"}, now))
    again = store.recall("resend", "k")
    assert again is not None
    assert (again.fingerprint, again.answer, again.at) == ("other", {"id": "2"}, now)
    store.close()


def test_everything_survives_a_killed_process(tmp_path: Path) -> None:
    arguments = ("--data-dir", str(tmp_path))
    with SandboxProcess(*arguments) as first:
        taken = first.email(key="k").json()
        first.sms()
        for body in ("one", "two"):
            first.push(push(android={"collapse_key": "n1"}, data={"n": body}))
        before, counts = first.messages(), first.counts()
        os.kill(first.process.pid, 9)
    with (tmp_path / "sandbox.sqlite-wal").open("ab") as file:
        file.write(b"half of what it was writing when it died")

    with SandboxProcess(*arguments) as second:
        assert second.messages() == before
        assert second.counts() == counts
        assert second.email(key="k").json() == taken
        assert second.email(email(subject="Other"), key="k").status_code == 409
        second.push(push(android={"collapse_key": "n1"}))
        assert second.messages(provider="firebase")[0]["replaced"] == 2
        second.http.put("/mode", json={"keep": "counts"})
        second.email(email(to="new@example.com"))
        counts = second.counts()
        os.kill(second.process.pid, 9)

    with SandboxProcess(*arguments) as third:
        assert third.counts() == counts
        assert third.http.get("/mode").json() == {"keep": "counts"}
        third.http.delete("/messages")
    with SandboxProcess(*arguments) as fourth:
        assert fourth.messages() == []
        assert fourth.email(key="k").json() == taken


def test_it_ends_in_order_when_told_to(tmp_path: Path) -> None:
    with SandboxProcess("--data-dir", str(tmp_path)) as sandbox:
        sandbox.email()
        sandbox.process.terminate()
        assert sandbox.process.wait(timeout=10) == 0


def test_the_outbox_shows_messages_and_runs_none_of_them(sandbox: SandboxProcess) -> None:
    evil = "<script>alert(1)</script>"
    sandbox.email(email(subject=evil, html=f"<h1>Hi</h1>{evil}\"'><img src=x>", text=evil))
    sandbox.sms(Body=f"{evil}ж")
    sandbox.push(push(token="device<b>", notification={"title": evil, "body": evil}))
    home = sandbox.http.get("/", follow_redirects=False)
    assert (home.status_code, home.headers["location"]) == (307, "/outbox")

    page = sandbox.http.get("/outbox")
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    policy = page.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe-inline" not in policy.split("script-src")[1]
    assert evil not in page.text
    assert page.text.count("&lt;script&gt;alert(1)&lt;/script&gt;") >= 5
    assert 'sandbox="allow-popups allow-popups-to-escape-sandbox"' in page.text
    assert "1 segment, UCS-2" in page.text
    assert "//" not in page.text.replace("/* the", "").split("<body>")[0]

    only = sandbox.http.get("/outbox?provider=twilio&fragment=1")
    assert ("bubble" in only.text, "srcdoc" in only.text) == (True, False)
    assert "srcdoc" in sandbox.http.get("/outbox?to=ada").text
    assert "Nothing here yet" in sandbox.http.get("/outbox?to=nobody").text
    revision = only.headers["x-revision"]
    again = sandbox.http.get("/outbox", params={"fragment": "1", "rev": revision})
    assert again.status_code == 204
    sandbox.sms()
    again = sandbox.http.get("/outbox", params={"fragment": "1", "rev": revision})
    assert again.status_code == 200


def test_the_listing_is_never_taken_for_html(sandbox: SandboxProcess) -> None:
    sandbox.email(email(subject="<script>alert(1)</script>"))
    answer = sandbox.http.get("/messages")
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["x-content-type-options"] == "nosniff"
