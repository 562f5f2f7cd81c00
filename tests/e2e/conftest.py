"""One whole Herald for all end-to-end tests; each test has users of its own."""

from collections.abc import AsyncIterator

import pytest

from tests.browser.conftest import browser  # noqa: F401
from tests.herald_process import Herald, running_herald


@pytest.fixture(scope="session")
async def herald(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Herald]:
    home = tmp_path_factory.mktemp("e2e") / "home"
    async with running_herald(home, HERALD_BREAKER_COOLDOWN="PT3S") as running:
        yield running


@pytest.fixture(autouse=True)
async def no_faults(herald: Herald) -> AsyncIterator[None]:
    yield
    await herald.sandbox.delete("/faults")
