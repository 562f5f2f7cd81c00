"""Unsubscribing by link, as RFC 8058 has it, and the pages people see."""

import re
from collections.abc import AsyncIterator
from html import unescape
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import httpx
import pytest
from fastapi import FastAPI

from domain.callbacks import EngagementKind
from domain.campaigns.ids import TEST_ORDINAL
from domain.enums import Channel
from runtime.container import Container
from runtime.embedded.home import free_port
from tests.api.conftest import Actor, refusal

FORM = {"Content-Type": "application/x-www-form-urlencoded"}
ONE_CLICK = "List-Unsubscribe=One-Click"
PARTS = '--b\r\nContent-Disposition: form-data; name="List-Unsubscribe"\r\n\r\nOne-Click\r\n--b--'
TRANSACTIONAL = {"application_update", "interview_reminder", "security_alert", "one_time_code",
                 "account_update"}  # fmt: skip


class Recorder(list[tuple[Any, ...]]):
    async def record(self, *call: Any) -> None:
        self.append(call)


@pytest.fixture(scope="module")
def temporal_address() -> str:
    return f"127.0.0.1:{free_port()}"


@pytest.fixture
def recorder(container: Container, monkeypatch: pytest.MonkeyPatch) -> Recorder:
    made = Recorder()
    monkeypatch.setattr(container, "engagement", made)
    return made


@pytest.fixture
async def person(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app), base_url="http://herald.test",
        headers={"Accept": "text/html"},
    ) as opened:  # fmt: skip
        yield opened


def path(link: str) -> str:
    return urlsplit(link).path


async def chosen(api: httpx.AsyncClient, user: str) -> dict[str, list[str]]:
    data = (await api.get(f"/users/{user}/subscriptions")).json()["data"]
    return {item["type"]: item["channels"] for item in data}


def undo_of(answer: httpx.Response) -> str:
    [token] = re.findall(r'name="undo" value="([^"]+)"', answer.text)
    return unescape(token)


@pytest.mark.parametrize(
    ("headers", "content"),
    [
        (FORM, ONE_CLICK),
        ({"Content-Type": "multipart/form-data; boundary=b"}, PARTS),
        ({}, ""),
    ],
)
async def test_a_mail_program_unsubscribes_with_one_post(
    api: httpx.AsyncClient, person: httpx.AsyncClient, actor: Actor, container: Container,
    headers: dict[str, str], content: str,
) -> None:  # fmt: skip
    user = await actor.user()
    link = path(container.links.unsubscribe(user, "job_alert"))
    for _ in range(2):
        answer = await person.post(link, content=content, headers=headers)
        assert answer.status_code == 200
        assert "set-cookie" not in answer.headers
        assert await chosen(api, user) == {"job_alert": []}


async def test_looking_changes_nothing(
    api: httpx.AsyncClient, person: httpx.AsyncClient, actor: Actor, container: Container
) -> None:
    user = await actor.user()
    link = path(container.links.unsubscribe(user, "newsletter"))
    asked = await person.get(link)
    assert asked.status_code == 200
    assert 'name="List-Unsubscribe" value="One-Click"' in asked.text
    assert (await person.head(link)).status_code == 200
    assert (await person.put(link)).status_code == 405
    assert await chosen(api, user) == {}


async def test_undo_gives_back_what_was_there(
    api: httpx.AsyncClient, person: httpx.AsyncClient, actor: Actor, container: Container
) -> None:
    user = await actor.user()
    body = {"type": "job_alert", "channels": ["push"]}
    await api.post(f"/users/{user}/subscriptions", json=body)
    link = path(container.links.unsubscribe(user, "job_alert"))
    done = await person.post(link, content=ONE_CLICK, headers=FORM)
    undone = await person.post(link, data={"undo": undo_of(done)})
    assert "You are subscribed again" in undone.text
    assert await chosen(api, user) == {"job_alert": ["push"]}
    # A page left open does not undo what was chosen since.
    await api.post(
        f"/users/{user}/subscriptions", json={"type": "job_alert", "channels": ["email"]}
    )
    await person.post(link, data={"undo": undo_of(done)})
    assert await chosen(api, user) == {"job_alert": ["email"]}


async def test_undo_of_a_type_never_chosen_lets_everything_through(
    person: httpx.AsyncClient, api: httpx.AsyncClient, actor: Actor, container: Container
) -> None:
    user = await actor.user()
    link = path(container.links.unsubscribe(user, "job_alert"))
    await person.post(link, content=ONE_CLICK, headers=FORM)
    again = await person.post(link, content=ONE_CLICK, headers=FORM)
    await person.post(link, data={"undo": undo_of(again)})
    assert await chosen(api, user) == {"job_alert": [channel.value for channel in Channel]}
    item = await actor.send(user, type="job_alert")
    await actor.work(item["id"])
    assert (await api.get(f"/notifications/{item['id']}")).json()["status"] == "sent"


async def test_everything_a_person_may_refuse(
    api: httpx.AsyncClient, person: httpx.AsyncClient, actor: Actor, container: Container
) -> None:
    user = await actor.user()
    link = path(container.links.unsubscribe(user, "newsletter"))
    types = {item["type"] for item in (await api.get("/notification-types")).json()["data"]}
    await person.post(link, content=ONE_CLICK, headers=FORM)
    done = await person.post(link, data={"scope": "all"})
    assert await chosen(api, user) == {name: [] for name in types - TRANSACTIONAL}
    await person.post(link, data={"undo": undo_of(done)})
    # The newsletter went before, by a click of its own.
    assert [name for name, there in (await chosen(api, user)).items() if not there] == [
        "newsletter"
    ]


async def test_forged_links_and_forged_undos_do_nothing(
    api: httpx.AsyncClient, person: httpx.AsyncClient, actor: Actor, container: Container
) -> None:
    user, other = await actor.user(), await actor.user()
    link = path(container.links.unsubscribe(user, "job_alert"))
    theirs = path(container.links.unsubscribe(other, "job_alert"))
    undo = undo_of(await person.post(theirs, content=ONE_CLICK, headers=FORM))
    assert (await person.post(link, content=ONE_CLICK, headers=FORM)).status_code == 200
    preferences = path(container.links.preferences(user)).rpartition("/")[2]
    gone = path(container.links.unsubscribe("nobody", "job_alert"))
    unheard = path(container.links.unsubscribe(user, "unheard_of"))
    for forged in (link[:-3] + "AAA", "/api/unsubscribe/nonsense", gone, unheard,
                   f"/api/unsubscribe/{preferences}"):  # fmt: skip
        for method in ("GET", "HEAD", "POST"):
            assert (await person.request(method, forged)).status_code == 404
    for wrong in (undo, undo[:-3] + "AAA", "x", ""):
        answer = await person.post(link, data={"undo": wrong} | {"scope": "x"})
        assert answer.status_code == (404 if wrong else 200)
    assert await chosen(api, user) == {"job_alert": []}
    plain = await person.get("/api/unsubscribe/nonsense", headers={"Accept": "*/*"})
    refusal(plain, 404, "link_not_valid")


async def test_it_counts_as_what_a_person_did_with_the_message(
    person: httpx.AsyncClient, actor: Actor, container: Container, recorder: Recorder
) -> None:
    user, notification_id = await actor.user(), uuid4()
    link = path(container.links.unsubscribe(user, "job_alert", notification_id))
    await person.get(link)
    for _ in range(2):
        await person.post(link, content=ONE_CLICK, headers=FORM)
    [call] = recorder
    assert call[:3] == (notification_id, Channel.EMAIL, EngagementKind.UNSUBSCRIBED)
    await person.post(path(container.links.unsubscribe(user, "digest")), content=ONE_CLICK)
    assert len(recorder) == 1


@pytest.mark.parametrize(
    ("profile", "accept", "word"),
    [
        ({"locale": "de-AT"}, "fr", "Abmelden"),
        ({"locale": "fr"}, "en", "Se désabonner"),
        ({"locale": "ja"}, "de-CH;q=0.8,en;q=0.5", "Abmelden"),
        ({}, "", "Unsubscribe"),
    ],
)
async def test_the_page_speaks_the_users_language(
    person: httpx.AsyncClient, actor: Actor, container: Container, profile: dict[str, str],
    accept: str, word: str,
) -> None:  # fmt: skip
    user = await actor.user(**profile)
    link = path(container.links.unsubscribe(user, "job_alert"))
    page = (await person.get(link, headers={"Accept-Language": accept})).text
    assert f"<h1>{word}</h1>" in page


async def test_a_message_people_need_is_not_refused_by_accident(
    person: httpx.AsyncClient, actor: Actor, container: Container
) -> None:
    user = await actor.user()
    careful = await person.get(path(container.links.unsubscribe(user, "security_alert")))
    assert "you may miss something" in careful.text
    other = await person.get(path(container.links.unsubscribe(user, "newsletter")))
    assert "you may miss something" not in other.text


async def test_the_page_runs_nothing_and_loads_nothing(
    person: httpx.AsyncClient, api: httpx.AsyncClient, actor: Actor, container: Container
) -> None:
    user = await actor.user()
    body = {"category": "marketing", "defaultChannels": ["email"], "description": "<b>x</b>"}
    assert (await api.put("/notification-types/weekly_news", json=body)).is_success
    answer = await person.get(path(container.links.unsubscribe(user, "weekly_news")))
    assert "Weekly news" in answer.text
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "script-src" not in policy
    assert "<script" not in answer.text
    assert "<b>x</b>" not in answer.text
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["referrer-policy"] == "no-referrer"


async def test_the_link_of_a_campaigns_test_shows_its_pages_and_changes_nothing(
    container: Container, person: httpx.AsyncClient
) -> None:
    link = path(
        container.links.campaign_unsubscribe("preview", "newsletter", uuid4(), TEST_ORDINAL)
    )
    asked = await person.get(link, headers={"Accept-Language": "de"})
    assert asked.status_code == 200
    done = await person.post(link, content=ONE_CLICK, headers=FORM)
    assert done.status_code == 200
    undo = re.search(r'name="undo" value="([^"]+)"', done.text)
    assert undo is not None
    undone = await person.post(link, data={"undo": unescape(undo[1])})
    assert undone.status_code == 200
