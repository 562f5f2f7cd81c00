"""Opens and clicks: the answer is immediate and true, whatever becomes of the recording."""

import asyncio
import base64
import logging
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID, uuid4

import httpx
import pytest
from fastapi import FastAPI

from domain.callbacks import EngagementKind
from domain.enums import Channel
from domain.tracking import Tracked, sign_tracked
from runtime.container import Container
from runtime.embedded.home import free_port
from tests.api.conftest import Actor, refusal

BROWSER = {"User-Agent": "Mozilla/5.0 (X11; Linux x86_64) Firefox/140.0"}
URL = "https://jobs.example/ä?a=1&b=%20#c"


@dataclass
class Recorder:
    """Takes the place of the engagement service's storage, to be slow or broken on demand."""

    calls: list[tuple[Any, ...]] = field(default_factory=list)
    gate: asyncio.Event = field(default_factory=asyncio.Event)
    called: asyncio.Event = field(default_factory=asyncio.Event)
    error: Exception | None = None

    async def record(self, *call: Any) -> None:
        self.calls.append(call)
        self.called.set()
        if self.error is not None:
            raise self.error
        await self.gate.wait()


@pytest.fixture(scope="module")
def temporal_address() -> str:
    return f"127.0.0.1:{free_port()}"


@pytest.fixture
def recorder(container: Container, monkeypatch: pytest.MonkeyPatch) -> Recorder:
    made = Recorder()
    made.gate.set()
    monkeypatch.setattr(container, "engagement", made)
    return made


@pytest.fixture
async def person(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    """A mail program: no key, follows nothing."""
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(
        transport=transport, base_url="http://herald.test", headers=BROWSER
    ) as opened:
        yield opened


def path(link: str) -> str:
    return urlsplit(link).path


async def test_an_open_is_a_pixel_and_is_recorded(
    person: httpx.AsyncClient, container: Container, recorder: Recorder
) -> None:
    notification_id = uuid4()
    answer = await person.get(path(container.links.opened(notification_id, Channel.EMAIL)))
    assert (answer.status_code, answer.headers["content-type"]) == (200, "image/gif")
    assert answer.headers["cache-control"] == "no-store"
    # GIF89a, one by one.
    assert answer.content[:10] == b"GIF89a\x01\x00\x01\x00"
    assert answer.content.endswith(b";")
    [(found, channel, kind, at, url)] = recorder.calls
    assert (found, channel, kind, url) == (
        notification_id, Channel.EMAIL, EngagementKind.OPENED, None,
    )  # fmt: skip
    assert abs(datetime.now(UTC) - at) < timedelta(seconds=10)


async def test_a_click_leads_on_and_is_recorded(
    person: httpx.AsyncClient, container: Container, recorder: Recorder
) -> None:
    notification_id = uuid4()
    answer = await person.get(path(container.links.clicked(notification_id, Channel.EMAIL, URL)))
    assert answer.status_code == 302
    assert answer.headers["location"] == "https://jobs.example/%C3%A4?a=1&b=%20#c"
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert answer.headers["x-robots-tag"] == "noindex"
    assert answer.headers["cache-control"] == "no-store"
    [(found, _, kind, _, url)] = recorder.calls
    assert (found, kind, url) == (notification_id, EngagementKind.CLICKED, URL)


async def test_the_longest_urls_are_led_on_to(
    person: httpx.AsyncClient, container: Container, recorder: Recorder
) -> None:
    url = "https://jobs.example/?q=" + "a" * 1976
    assert len(url) == 2000
    answer = await person.get(path(container.links.clicked(uuid4(), Channel.EMAIL, url)))
    assert answer.headers["location"] == url


async def test_machines_are_answered_and_not_counted(
    person: httpx.AsyncClient, container: Container, recorder: Recorder
) -> None:
    opened = path(container.links.opened(uuid4(), Channel.EMAIL))
    clicked = path(container.links.clicked(uuid4(), Channel.EMAIL, URL))
    for link, status in ((opened, 200), (clicked, 302)):
        assert (await person.head(link)).status_code == status
        for headers in ({"Purpose": "prefetch"}, {"Sec-Purpose": "prefetch;prerender"},
                        {"User-Agent": "Slackbot-LinkExpanding 1.0"}):  # fmt: skip
            assert (await person.get(link, headers=headers)).status_code == status
    assert recorder.calls == []


async def test_a_forged_token_leads_nowhere(
    person: httpx.AsyncClient, container: Container, recorder: Recorder
) -> None:
    opened = path(container.links.opened(uuid4(), Channel.EMAIL))
    clicked = path(container.links.clicked(uuid4(), Channel.EMAIL, URL))
    other_key = Tracked(EngagementKind.CLICKED, uuid4(), Channel.EMAIL, "https://evil.example")
    forged = sign_tracked(b"another key", other_key)
    swapped = (opened.replace("/o/", "/c/"), clicked.replace("/c/", "/o/"))
    unsubscribe = path(container.links.unsubscribe("u", "newsletter")).rpartition("/")[2]
    strange = [f"/api/t/c/{token}" for token in (forged, unsubscribe, "https://evil.example", "x")]
    for link in (opened[:-1], clicked[:-4] + "AAAA", *swapped, *strange):
        answer = await person.get(link)
        assert answer.status_code == 404, link
        assert "location" not in answer.headers
    refusal(await person.get(opened[:-1]), 404, "link_not_valid")
    seen = await person.get(clicked[:-1], headers={"Accept": "text/html", "Accept-Language": "de"})
    assert seen.status_code == 404
    assert "Dieser Link funktioniert nicht" in seen.text
    assert recorder.calls == []


async def test_a_broken_recording_is_logged_and_nobody_hears_of_it(
    person: httpx.AsyncClient, container: Container, recorder: Recorder,
    caplog: pytest.LogCaptureFixture,
) -> None:  # fmt: skip
    recorder.error = RuntimeError("the database is away")
    with caplog.at_level(logging.ERROR):
        answer = await person.get(path(container.links.clicked(uuid4(), Channel.EMAIL, URL)))
    assert answer.status_code == 302
    assert [record.message for record in caplog.records] == ["engagement.not_recorded"]


async def test_nobody_waits_for_a_slow_recording(
    server: str, container: Container, recorder: Recorder
) -> None:
    recorder.gate.clear()
    async with httpx.AsyncClient(base_url=server, headers=BROWSER, timeout=10) as person:
        links = [container.links.clicked(uuid4(), Channel.EMAIL, URL) for _ in range(3)]
        for link in links:
            assert (await person.get(path(link))).status_code == 302
        assert (await person.head(path(links[0]))).content == b""
    await recorder.called.wait()
    assert len(recorder.calls) == 3
    recorder.gate.set()


async def test_the_token_names_the_notification(container: Container) -> None:
    """In the order of the wire: a tag of 16 bytes, one of kind and channel, the id, the URL."""
    notification_id = UUID("01890000-0000-7000-8000-00000000abcd")
    token = container.links.clicked(notification_id, Channel.EMAIL, "https://x.y").rpartition("/")
    blob = base64.urlsafe_b64decode(token[2] + "=" * (-len(token[2]) % 4))
    assert (blob[16], blob[17:33], blob[33:]) == (0x21, notification_id.bytes, b"https://x.y")


async def test_what_a_reader_does_with_a_real_mail_is_known(
    api: httpx.AsyncClient, person: httpx.AsyncClient, actor: Actor, sandbox_url: str
) -> None:
    user = await actor.user()
    item = await actor.send(
        user, type="job_match",
        data={"jobTitle": "Cook", "url": "https://jobs.example/?a=1&b=2"},
    )  # fmt: skip
    await actor.work(item["id"])
    async with httpx.AsyncClient(base_url=sandbox_url) as outbox:
        query = {"provider": "resend", "to": f"{user}@example.com"}
        [mail] = (await outbox.get("/messages", params=query)).json()["data"]
    assert "/api/t/" not in mail["text"]
    [pixel] = re.findall(r'<img src="[^"]*(/api/t/o/[^"]+)"', mail["html"])
    clicks = re.findall(r'href="[^"]*(/api/t/c/[^"]+)"', mail["html"])
    assert (await person.get(pixel)).headers["content-type"] == "image/gif"
    led = [(await person.get(click)).headers["location"] for click in clicks]
    assert "https://jobs.example/?a=1&b=2" in led
    link = path(mail["payload"]["headers"]["List-Unsubscribe"].strip("<>"))
    assert link in mail["html"].replace("&#x2f;", "/")
    assert (await person.post(link, content="List-Unsubscribe=One-Click")).status_code == 200
    timeline = (await api.get(f"/notifications/{item['id']}/explain")).json()["timeline"]
    events = [entry["event"] for entry in timeline]
    assert "notification.opened" in events
    assert "notification.clicked" in events


async def test_a_user_who_refused_tracking_is_not_tracked(
    api: httpx.AsyncClient, actor: Actor, sandbox_url: str
) -> None:
    user = await actor.user()
    await api.put(f"/users/{user}/consents/tracking", json={"granted": False})
    item = await actor.send(user, type="job_match")
    await actor.work(item["id"])
    async with httpx.AsyncClient(base_url=sandbox_url) as outbox:
        query = {"provider": "resend", "to": f"{user}@example.com"}
        [mail] = (await outbox.get("/messages", params=query)).json()["data"]
    assert "/api/unsubscribe/" in mail["html"].replace("&#x2f;", "/")
    assert "/api/t/" not in mail["html"].replace("&#x2f;", "/")
