"""Every path of a notification and of a campaign, on a real server whose time is skipped; many at
once, as each skip takes a second."""

import asyncio
from typing import Any

import pytest
from temporalio.client import WorkflowHandle

from tests.workflows.scenarios import SCENARIOS
from tests.workflows.world import World

Handle = WorkflowHandle[Any, Any]
PATIENCE = 120
# A start in the strict sandbox takes a tenth of a second of a processor: of all of them at once, on
# a loaded machine, some workflow tasks outlast their ten seconds and repeat their local activities.
AT_ONCE = 20
AnyHandle = WorkflowHandle[Any, Any]


@pytest.fixture(scope="session")
async def endings(world: World) -> dict[str, AnyHandle | BaseException]:
    """How each scenario ended."""
    room = asyncio.Semaphore(AT_ONCE)

    async def run(name: str) -> AnyHandle:
        async with room, asyncio.timeout(PATIENCE):
            return await SCENARIOS[name](world)

    endings = await asyncio.gather(*map(run, SCENARIOS), return_exceptions=True)
    return dict(zip(SCENARIOS, endings, strict=True))


@pytest.mark.parametrize("name", SCENARIOS)
def test_path(name: str, endings: dict[str, AnyHandle | BaseException]) -> None:
    ending = endings[name]
    if isinstance(ending, BaseException):
        raise ending
