"""Attachments through the API: refused when a notification is sent in, fetched when it goes out."""

import base64
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest

from api.app import create_app
from runtime.container import Container
from runtime.embedded.home import free_port
from tests.api.conftest import FIRST_KEY, Actor, client, fields_of, refusal
from tests.contract.wire import WireServer, answer, wire_server

PDF = {"filename": "cv.pdf", "contentType": "application/pdf"}


@pytest.fixture(scope="module")
def temporal_address() -> str:
    return f"127.0.0.1:{free_port()}"


@pytest.fixture
async def wire() -> AsyncIterator[WireServer]:
    async with wire_server() as opened:
        yield opened


@pytest.fixture(scope="module")
async def open_minded(container: Container) -> AsyncIterator[Actor]:
    """A Herald whose operator lets attachments come from this machine."""
    settings = container.settings.model_copy(update={"attachment_hosts": ("127.0.0.1",)})

    @asynccontextmanager
    async def opened() -> AsyncIterator[Container]:
        async with Container.open(settings) as made:
            yield made

    app = create_app(opened)
    async with app.router.lifespan_context(app), client(app, FIRST_KEY) as api:
        yield Actor(api, app.state.services)


async def mails(sandbox_url: str, user: str) -> list[dict[str, Any]]:
    async with httpx.AsyncClient(base_url=sandbox_url) as outbox:
        query = {"provider": "resend", "to": f"{user}@example.com"}
        data: list[dict[str, Any]] = (await outbox.get("/messages", params=query)).json()["data"]
        return data


def body(user: str, *attachments: dict[str, Any]) -> dict[str, Any]:
    return {"userId": user, "type": "application_update", "title": "T", "content": "C",
            "channels": ["email"], "email": {"attachments": list(attachments)}}  # fmt: skip


@pytest.mark.parametrize(
    ("attachment", "code", "field"),
    [
        (PDF | {"url": "https://files.example/cv.pdf"}, "attachment_host_not_allowed", ".url"),
        (PDF | {"filename": "cv.pdf.exe", "content": "aGk="}, "attachment_type_not_allowed", ""),
        (PDF | {"contentType": "text/html", "content": "aGk="}, "attachment_type_not_allowed", ""),
    ],
)
async def test_what_is_not_sent_is_refused_at_once(
    api: httpx.AsyncClient, actor: Actor, attachment: dict[str, Any], code: str, field: str
) -> None:
    user = await actor.user()
    problem = refusal(await api.post("/notifications", json=body(user, attachment)), 422, code)
    assert fields_of(problem) == {f"email.attachments.0{field}": code}
    bulk = {"notifications": [body(user, attachment), body(user, PDF | {"content": "aGk="})]}
    results = (await api.post("/notifications/bulk", json=bulk)).json()["results"]
    assert results[0]["error"]["code"] == code
    assert "id" in results[1]


@pytest.mark.parametrize(
    "attachment",
    [
        PDF,
        PDF | {"content": "aGk=", "url": "https://files.example/cv.pdf"},
        PDF | {"content": "not base64"},
        PDF | {"filename": "a/b.pdf", "content": "aGk="},
    ],
)
async def test_what_cannot_be_read_is_refused(
    api: httpx.AsyncClient, actor: Actor, attachment: dict[str, Any]
) -> None:
    user = await actor.user()
    refusal(await api.post("/notifications", json=body(user, attachment)), 422, "validation_error")


async def test_files_arrive_with_the_mail(
    open_minded: Actor, wire: WireServer, sandbox_url: str
) -> None:
    user = await open_minded.user()
    wire.will_answer(200, b"%PDF\x00\xff", "application/pdf")
    wanted = body(user, PDF | {"content": "aGk="}, PDF | {"filename": "b.pdf", "url": wire.url})
    item = (await open_minded.api.post("/notifications", json=wanted)).json()
    assert item["email"]["attachments"] == [PDF | {"size": 2},
                                            PDF | {"filename": "b.pdf", "size": None}]  # fmt: skip
    assert wire.seen == []
    await open_minded.work(item["id"])
    [mail] = await mails(sandbox_url, user)
    files = [(file["filename"], file["content"]) for file in mail["payload"]["attachments"]]
    assert files == [("cv.pdf", "aGk="), ("b.pdf", base64.b64encode(b"%PDF\x00\xff").decode())]


async def test_a_file_that_is_gone_ends_the_delivery_and_says_why(
    open_minded: Actor, wire: WireServer, sandbox_url: str
) -> None:
    user = await open_minded.user()
    wire.will_answer(404)
    wanted = body(user, PDF | {"url": wire.url})
    item = (await open_minded.api.post("/notifications", json=wanted)).json()
    await open_minded.work(item["id"])
    [line] = (await open_minded.api.get(f"/notifications/{item['id']}/deliveries")).json()["data"]
    assert (line["status"], line["error"]["code"]) == ("failed", "attachment_not_found")
    assert await mails(sandbox_url, user) == []


async def test_a_server_in_trouble_is_asked_again(
    open_minded: Actor, wire: WireServer, sandbox_url: str
) -> None:
    user = await open_minded.user()
    wire.answers = [answer(503, Retry_After="1"), answer(200, b"x", "application/pdf")]
    wanted = body(user, PDF | {"url": wire.url})
    item = (await open_minded.api.post("/notifications", json=wanted)).json()
    await open_minded.work(item["id"])
    assert len(wire.seen) == 2
    assert len(await mails(sandbox_url, user)) == 1
