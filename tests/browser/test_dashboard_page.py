"""The dashboard in a real browser: on a desk and on a telephone."""

import os
from pathlib import Path

import pytest
from playwright.async_api import Browser, Page

from tests.api.conftest import FIRST_KEY, Actor

SHOTS = os.environ.get("HERALD_SCREENSHOTS")


@pytest.mark.parametrize("width", [1100, 390])
async def test_a_notification_is_found_and_explained(
    browser: Browser, server: str, actor: Actor, width: int
) -> None:
    user = await actor.user(locale="en")
    item = await actor.in_inbox(user, title="Found by its user", type="job_match")
    page = await browser.new_page(viewport={"width": width, "height": 800})
    complaints: list[str] = []
    page.on("console", lambda said: complaints.append(said.text) if said.type == "error" else None)
    await page.goto(f"{server}/dashboard")
    await page.get_by_label("API key").fill(FIRST_KEY)
    await page.get_by_role("button", name="Log in").click()
    await page.get_by_label("User").fill(user)
    await page.get_by_role("button", name="Search").click()
    row = page.locator("tbody tr")
    assert await row.count() == 1
    assert "websocket: delivered" in await row.inner_text()
    await _fits(page, width, f"dashboard-{width}")
    await row.get_by_role("link").click()
    assert (await page.get_by_role("heading", level=1).inner_text()).startswith("Found by its user")
    assert item["id"] in await page.locator("main").inner_text()
    assert await page.get_by_role("heading", name="Decisions").count() == 1
    await _fits(page, width, f"timeline-{width}")
    await page.close()
    assert [text for text in complaints if "401" not in text] == []


async def _fits(page: Page, width: int, name: str) -> None:
    """Wide tables scroll within the page; the page itself does not."""
    if SHOTS:
        await page.screenshot(path=str(Path(SHOTS) / f"{name}.png"), full_page=True)
    assert await page.evaluate("document.documentElement.scrollWidth") <= width
