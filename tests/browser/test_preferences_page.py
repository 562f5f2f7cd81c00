"""A person with a phone, no log-in and no script sets what reaches them, and unsubscribes."""

import os
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from playwright.async_api import Browser, Page

from runtime.container import Container
from tests.api.conftest import Actor

PHONE = {"width": 360, "height": 740}
SHOTS = os.environ.get("HERALD_SCREENSHOTS")


@pytest.fixture
async def page(browser: Browser, server: str) -> AsyncIterator[Page]:
    """A phone that runs no script. What a page complains of fails its test."""
    context = await browser.new_context(
        viewport=PHONE, java_script_enabled=False, locale="en-GB", is_mobile=True, has_touch=True
    )
    opened = await context.new_page()
    complaints: list[str] = []
    opened.on("console", lambda said: complaints.append(said.text))
    opened.on("requestfailed", lambda request: complaints.append(request.url))
    yield opened
    # Before the page is closed: what is still loading then is broken off by the close.
    found = [text for text in complaints if "404" not in text]
    await context.close()
    assert found == []


async def press(page: Page, button: str) -> None:
    """Sends the form, and comes back when the page that answers is loaded."""
    async with page.expect_navigation():
        await page.get_by_role("button", name=button).click()


async def shot(page: Page, name: str) -> None:
    """For a look with one's own eyes, where HERALD_SCREENSHOTS names a folder."""
    if SHOTS:
        await page.screenshot(path=str(Path(SHOTS) / f"{name}.png"), full_page=True)


async def fits(page: Page) -> None:
    """Nothing sticks out to the right of a phone's screen, and fingers can hit what they aim at."""
    for element in await page.locator("main *").all():
        box = await element.bounding_box()
        if box is not None and box["width"] > 1:
            assert box["x"] + box["width"] <= PHONE["width"] + 1, await element.inner_text()
    for target in await page.locator("button, select, .choice, input[type=time]").all():
        box = await target.bounding_box()
        assert box is not None
        assert box["height"] >= 43


async def test_a_person_sets_what_reaches_them(
    page: Page, actor: Actor, api: httpx.AsyncClient, container: Container
) -> None:
    user = await actor.user(timezone="Europe/Berlin", locale="en")
    await page.goto(container.links.preferences(user))
    await shot(page, "preferences-en")
    await fits(page)
    assert await page.locator("html").get_attribute("lang") == "en"
    assert await page.get_by_label("Email", exact=True).is_checked()
    assert not await page.get_by_label("Text messages").is_checked()
    await page.get_by_label("Push messages on your devices").uncheck()
    await page.get_by_label("Jobs for me").uncheck()
    await page.get_by_label("Hold messages back at night").check()
    await page.get_by_label("From", exact=True).fill("21:30")
    await page.get_by_label("Until").fill("06:45")
    await page.get_by_label("Time zone").select_option("America/Argentina/Buenos_Aires")
    await page.get_by_label("Language").select_option("de")
    await press(page, "Save")
    status = page.get_by_role("status")
    assert (await status.inner_text()).startswith("Gespeichert.")
    assert await page.locator("html").get_attribute("lang") == "de"
    await shot(page, "preferences-de-saved")
    await fits(page)
    kept = (await api.get(f"/users/{user}/preferences")).json()
    assert kept["channels"]["push"] == {"enabled": False, "chosen": True}
    assert kept["channels"]["email"] == {"enabled": True, "chosen": False}
    assert kept["categories"] == {
        "jobs": {"enabled": False, "channels": None, "delivery": "immediate"}
    }
    quiet = kept["quietHours"]
    assert (quiet["enabled"], quiet["start"], quiet["end"]) == (True, "21:30", "06:45")
    assert (kept["language"], kept["timezone"]) == ("de", "America/Argentina/Buenos_Aires")
    # Opened anew it shows what was kept, and saved anew it keeps it.
    await page.goto(container.links.preferences(user))
    assert await page.get_by_label("Zeitzone").input_value() == kept["timezone"]
    assert await page.get_by_label("Von", exact=True).input_value() == "21:30"
    assert not await page.get_by_label("Stellen für mich").is_checked()
    await press(page, "Speichern")
    assert (await api.get(f"/users/{user}/preferences")).json() == kept


async def test_saving_the_page_as_it_is_decides_nothing(
    page: Page, actor: Actor, api: httpx.AsyncClient, container: Container
) -> None:
    user = await actor.user()
    before = (await api.get(f"/users/{user}/preferences")).json()
    await page.goto(container.links.preferences(user))
    await press(page, "Save")
    await page.get_by_role("status").wait_for()
    assert (await api.get(f"/users/{user}/preferences")).json() == before
    assert (await api.get(f"/users/{user}/consents")).json()["data"] == []


async def test_ticking_sms_is_the_consent_the_page_words(
    page: Page, actor: Actor, api: httpx.AsyncClient, container: Container
) -> None:
    user = await actor.user(locale="fr", phone="+33612345678")
    await page.goto(container.links.preferences(user))
    await shot(page, "preferences-fr")
    await page.get_by_label("SMS").check()
    await press(page, "Enregistrer")
    await page.get_by_role("status").wait_for()
    consent = (await api.get(f"/users/{user}/consents/sms")).json()
    assert (consent["granted"], consent["source"]) == (True, "preference_page")
    assert "STOP" in consent["text"]
    await page.get_by_label("SMS").uncheck()
    await press(page, "Enregistrer")
    kept = (await api.get(f"/users/{user}/preferences")).json()
    assert kept["channels"]["sms"] == {"enabled": False, "chosen": True}


async def test_newsletters_are_ticked_by_who_agreed_to_them(
    page: Page, actor: Actor, api: httpx.AsyncClient, container: Container
) -> None:
    user = await actor.user(locale="de")
    await page.goto(container.links.preferences(user))
    box = page.get_by_label("Newsletter und Angebote")
    assert not await box.is_checked(), "nobody asked this user"
    await box.check()
    await press(page, "Speichern")
    await page.get_by_role("status").wait_for()
    assert await box.is_checked()
    consent = (await api.get(f"/users/{user}/consents/marketing")).json()
    assert (consent["granted"], consent["source"]) == (True, "preference_page")
    assert "stimmen Sie zu" in consent["text"]
    await box.uncheck()
    await press(page, "Speichern")
    assert not await box.is_checked()
    kept = (await api.get(f"/users/{user}/preferences")).json()
    assert kept["categories"]["marketing"]["enabled"] is False
    await box.check()
    await press(page, "Speichern")
    kept = (await api.get(f"/users/{user}/preferences")).json()
    assert kept["categories"]["marketing"]["enabled"] is True


async def test_every_field_has_a_label_a_keyboard_reaches(
    page: Page, actor: Actor, container: Container
) -> None:
    await page.goto(container.links.preferences(await actor.user()))
    fields = await page.locator("input:not([type=hidden]), select, button").all()
    assert len(fields) == 4 + 5 + 3 + 2 + 1
    for field in fields:
        snapshot = await field.aria_snapshot()
        assert '"' in snapshot, f"no accessible name: {snapshot}"
    assert await page.get_by_role("group").count() == 4


async def test_what_a_caller_stored_is_shown_as_text(
    page: Page, actor: Actor, api: httpx.AsyncClient, container: Container
) -> None:
    user = await actor.user()
    strange = "<script>alert(1)</script>"
    await api.put(f"/users/{user}/preferences", json={"language": strange, "timezone": "UTC"})
    await page.goto(container.links.preferences(user))
    assert strange in await page.get_by_label("Language").locator("option").all_inner_texts()
    assert await page.get_by_label("Time zone").input_value() == "UTC"
    assert await page.locator("script").count() == 0


async def test_a_broken_link_is_explained(page: Page, server: str) -> None:
    answer = await page.goto(f"{server}/preferences/nonsense")
    assert answer is not None
    assert answer.status == 404
    assert await page.get_by_role("heading").inner_text() == "This link does not work"
    await shot(page, "broken-link")


async def test_a_person_unsubscribes_and_thinks_again(
    page: Page, actor: Actor, api: httpx.AsyncClient, container: Container
) -> None:
    user = await actor.user(locale="de")

    async def left() -> list[str]:
        data = (await api.get(f"/users/{user}/subscriptions")).json()["data"]
        return sorted(item["type"] for item in data if not item["channels"])

    await page.goto(container.links.unsubscribe(user, "newsletter"))
    await shot(page, "unsubscribe")
    await fits(page)
    await press(page, "Ja, abmelden")
    assert await page.get_by_role("heading").inner_text() == "Sie sind abgemeldet"
    await shot(page, "unsubscribed")
    await fits(page)
    assert await left() == ["newsletter"]
    await press(page, "Rückgängig machen")
    assert await page.get_by_role("heading").inner_text() == "Sie sind wieder angemeldet"
    await shot(page, "resubscribed")
    assert await left() == []
    await page.goto(container.links.unsubscribe(user, "security_alert"))
    await shot(page, "unsubscribe-careful")
    await press(page, "Von allem abmelden")
    await shot(page, "unsubscribed-all")
    assert len(await left()) > 3
    assert "security_alert" not in await left()
    async with page.expect_navigation():
        await page.get_by_role("link", name="Alle meine Benachrichtigungen").click()
    assert await page.get_by_role("heading").inner_text() == "Ihre Benachrichtigungen"


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_text_can_be_read_in_any_light(
    browser: Browser, server: str, actor: Actor, container: Container, scheme: str
) -> None:
    """WCAG AA: 4.5 to 1 between a text and what is behind it."""
    context = await browser.new_context(
        viewport={"width": 900, "height": 700}, color_scheme=scheme, bypass_csp=True
    )
    page = await context.new_page()
    await page.goto(container.links.preferences(await actor.user()))
    await press(page, "Save")
    await shot(page, f"preferences-{scheme}")
    found = await page.evaluate(CONTRAST)
    await context.close()
    assert len(found) > 20
    assert [item for item in found if item["ratio"] < 4.5] == []


CONTRAST = """() => {
  const parse = text => (text.match(/[\\d.]+/g) || []).map(Number);
  const light = ([r, g, b]) => [r, g, b].map(v => v / 255)
    .map(v => v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
    .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
  const behind = element => {
    for (let e = element; e; e = e.parentElement) {
      const color = parse(getComputedStyle(e).backgroundColor);
      if (color.length === 3 || color[3] > 0) return color;
    }
    return [255, 255, 255];
  };
  return [...document.querySelectorAll('main *')]
    .filter(e => [...e.childNodes].some(n => n.nodeType === 3 && n.data.trim())
      && !e.closest('select'))
    .map(e => {
      const [a, b] = [light(parse(getComputedStyle(e).color)), light(behind(e))];
      return {text: e.textContent.trim(), ratio: (Math.max(a, b) + .05) / (Math.min(a, b) + .05)};
    });
}"""
