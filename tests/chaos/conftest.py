"""One Herald for all that is killed here; its parts come back each time."""

from collections.abc import AsyncIterator

import pytest

from tests.herald_process import Herald, running_herald


@pytest.fixture(scope="session")
async def herald(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Herald]:
    async with running_herald(tmp_path_factory.mktemp("chaos") / "home") as running:
        yield running
