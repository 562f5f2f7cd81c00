"""One whole infrastructure for the tests that kill nothing, and homes of their own for the rest."""

import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from runtime.embedded.options import EmbeddedOptions
from runtime.embedded.stack import EmbeddedStack


def options_for(home: Path, **changes: object) -> EmbeddedOptions:
    given: dict[str, object] = {"port": 0, "keep": False, "environment": dict(os.environ)}
    return EmbeddedOptions(home=home, **(given | changes))  # type: ignore[arg-type]


@pytest_asyncio.fixture(scope="module")
async def stack(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[EmbeddedStack]:
    home = tmp_path_factory.mktemp("stack") / "home"
    async with EmbeddedStack(options_for(home)) as running:
        yield running
