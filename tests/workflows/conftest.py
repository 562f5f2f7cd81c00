"""One world for all workflow tests: workers on a real server, over a scripted ledger."""

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest

from tests.workflows.world import World, open_world, prepare

if TYPE_CHECKING:
    from runtime.embedded.stack import EmbeddedStack


@pytest.fixture(scope="session")
async def world(stack: "EmbeddedStack") -> AsyncIterator[World]:
    namespace = f"workflows-{uuid4().hex[:12]}"
    await prepare(stack.temporal_address, namespace)
    async with open_world(stack.temporal_address, namespace) as world:
        yield world
