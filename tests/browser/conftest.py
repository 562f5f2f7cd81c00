"""Pages in a real browser, over the whole API. Nothing here is collected without a browser."""

import importlib.util
from collections.abc import AsyncIterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

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

if TYPE_CHECKING:
    from playwright.async_api import Browser

CHROMIUM = Path("/usr/bin/chromium")

collect_ignore_glob = (
    [] if CHROMIUM.exists() and importlib.util.find_spec("playwright") else ["test_*.py"]
)


@pytest.fixture(scope="session")
async def browser() -> AsyncIterator["Browser"]:
    from playwright.async_api import async_playwright

    async with async_playwright() as playwright:
        opened = await playwright.chromium.launch(
            executable_path=str(CHROMIUM),
            args=["--no-sandbox", "--disable-background-networking", "--disable-gpu"],
        )
        yield opened
        await opened.close()
