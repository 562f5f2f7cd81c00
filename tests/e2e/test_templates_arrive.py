"""One notification of every type, in every language, arrives on every channel as it should read."""

import asyncio
import re
from typing import Any
from urllib.parse import quote
from uuid import uuid4

import pytest
from playwright.async_api import Browser, Locator

from templates.catalogue import DEFAULT_TEMPLATE, StarterTemplate, load_starter_templates
from tests.herald_process import Herald

CHANNELS = ("email", "sms", "push", "websocket")
WORDS = {
    "en": ("Unsubscribe", "Choose what you receive"),
    "de": ("Abmelden", "Einstellen, was Sie erhalten"),
    "fr": ("Se désabonner", "Choisir ce que vous recevez"),
}
"""At the foot of every email."""
STARTERS = [t for t in load_starter_templates() if t.key != DEFAULT_TEMPLATE]
LEFTOVER = re.compile(r"\{\{|\}\}|\{%|\bNone\b|\bundefined\b|\bnull\b")


async def reader(herald: Herald, template: StarterTemplate) -> dict[str, str]:
    """Somebody who has agreed to everything and can be reached everywhere."""
    name = f"reads-{uuid4().hex[:10]}"
    phone, token = f"+49151{uuid4().int % 10**8:08}", f"token-{name}"
    await herald.user(name, phone=phone, name="Ada", locale=template.locale)
    for consent in ("sms", "marketing"):
        body = {"granted": True, "source": "test", "text": "Yes."}
        answer = await herald.api.put(f"/users/{name}/consents/{consent}", json=body)
        assert answer.is_success, answer.text
    device = {"token": token, "platform": "ios", "provider": "firebase"}
    answer = await herald.api.post(f"/users/{name}/devices", json=device)
    assert answer.is_success, answer.text
    return {"user": name, "email": f"{name}@example.com", "sms": phone, "push": token}


async def arrives(herald: Herald, template: StarterTemplate) -> dict[str, dict[str, Any]]:
    """What the reader gets, by channel."""
    one = await reader(herald, template)
    sent = await herald.send(
        one["user"], type=template.type, title=None, content=None, data=template.example,
        channels=list(CHANNELS), priority="critical", strategy="all",
    )  # fmt: skip
    async with asyncio.timeout(90):
        while not await _is_out(herald, sent["id"]):
            await asyncio.sleep(0.2)
    got = {}
    for channel in ("email", "sms", "push"):
        [got[channel]] = await herald.messages(one[channel])
    inbox = (await herald.api.get(f"/users/{one['user']}/notifications")).json()["data"]
    [got["websocket"]] = inbox
    return got


async def _is_out(herald: Herald, notification_id: str) -> bool:
    lines = (await herald.get(notification_id))["deliveries"]
    states = {line["channel"]: line["status"] for line in lines}
    assert not {"failed", "skipped", "unknown"} & set(states.values()), lines
    return set(states) == set(CHANNELS) and set(states.values()) <= {"sent", "delivered"}


def reads_well(template: StarterTemplate, got: dict[str, dict[str, Any]]) -> None:
    where = (template.key, template.locale)
    email, sms, push, inbox = (got[channel] for channel in CHANNELS)
    texts = [email["subject"], email["text"], email["html"], sms["text"], push["text"],
             inbox["title"], inbox["content"]]  # fmt: skip
    for text in texts:
        assert text, where
        assert text.strip(), where
        assert not LEFTOVER.search(text), (where, text)
    for word in WORDS[template.locale]:
        assert word in email["text"], (where, word)
    assert "Ada" in email["text"], where
    other = {word for name, words in WORDS.items() if name != template.locale for word in words}
    assert not any(word in email["html"] for word in other), where


@pytest.fixture(scope="module")
async def arrived(herald: Herald) -> list[tuple[StarterTemplate, dict[str, dict[str, Any]]]]:
    """What came of one notification of each."""
    room = asyncio.Semaphore(12)

    async def one(template: StarterTemplate) -> tuple[StarterTemplate, dict[str, dict[str, Any]]]:
        async with room:
            return template, await arrives(herald, template)

    async with asyncio.TaskGroup() as tasks:
        started = [tasks.create_task(one(template)) for template in STARTERS]
    return [task.result() for task in started]


async def test_every_type_in_every_language_on_every_channel(
    arrived: list[tuple[StarterTemplate, dict[str, dict[str, Any]]]],
) -> None:
    assert {t.locale for t in STARTERS} == set(WORDS)
    assert len(STARTERS) == 13 * len(WORDS)
    assert len(arrived) == len(STARTERS)
    for template, got in arrived:
        reads_well(template, got)


async def test_the_outbox_shows_each_as_a_person_sees_it(
    browser: Browser,
    herald: Herald,
    arrived: list[tuple[StarterTemplate, dict[str, dict[str, Any]]]],
) -> None:
    page = await browser.new_page(viewport={"width": 1000, "height": 900})
    outbox = herald.sandbox.base_url.join("/outbox")
    for template, got in arrived:
        for channel in ("email", "sms", "push"):
            to = got[channel]["to"]
            await page.goto(f"{outbox}?to={quote(to)}")
            card = page.locator(f"article.{channel}")
            assert await card.count() == 1, (template.key, template.locale, channel)
            await _is_shown(card, channel, template, got[channel])
    await page.close()


async def _is_shown(
    card: Locator, channel: str, template: StarterTemplate, message: dict[str, Any]
) -> None:
    shown = " ".join((await card.inner_text()).split())
    if channel == "sms":
        assert await card.locator(".bubble").inner_text() == message["text"]
        assert "segment" in shown
    elif channel == "push":
        device = await card.locator(".device").inner_text()
        assert message["subject"] in device
        assert message["text"] in device
    else:
        assert " ".join(message["subject"].split()) in shown
        body = await card.frame_locator("iframe").locator("body").inner_text()
        assert "Ada" in body
        assert all(word in body for word in WORDS[template.locale]), (template.key, body)
