"""Pages in a real browser, over the whole API: Chromium as Debian and others package it.

On a machine without it these tests are skipped, and say so.
"""

import shutil
from collections.abc import AsyncIterator

import pytest
from playwright.async_api import Browser, async_playwright

from runtime.embedded.home import free_port
from tests.api.conftest import (  # noqa: F401
    Actor,
    actor,
    api,
    api_port,
    app,
    container,
    sandbox_url,
    server,
)

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


@pytest.fixture(scope="module")
def temporal_address() -> str:
    """Pages need none."""
    return f"127.0.0.1:{free_port()}"


@pytest.fixture(scope="session")
async def browser() -> AsyncIterator[Browser]:
    chromium = next((found for name in NAMES if (found := shutil.which(name))), None)
    if chromium is None:
        pytest.skip("no Chromium on this machine; on Debian: apt install chromium")
    async with async_playwright() as playwright:
        opened = await playwright.chromium.launch(
            executable_path=chromium,
            args=["--no-sandbox", "--disable-background-networking", "--disable-gpu"],
        )
        yield opened
        await opened.close()
