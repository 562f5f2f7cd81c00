"""Records histories from a real server: `python -m tests.replay.record [SCENARIO…]`.

Without names it records the scenarios that have no history yet. With names it records those once
more, beside the histories they have: an old history stays as long as a workflow that began with
that code may still be running. Uses `TEMPORAL_ADDRESS`, or brings up a server of its own.
"""

import asyncio
import os
import sys
import tempfile
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from uuid import uuid4

from tests.replay import corpus
from tests.workflows.scenarios import SCENARIOS
from tests.workflows.world import World, open_world, prepare


@asynccontextmanager
async def server() -> AsyncIterator[str]:
    address = os.environ.get("TEMPORAL_ADDRESS")
    if address:
        yield address
        return
    from runtime.embedded.options import EmbeddedOptions
    from runtime.embedded.stack import EmbeddedStack

    with tempfile.TemporaryDirectory() as home:
        options = EmbeddedOptions.from_environment({**os.environ, "HERALD_HOME": str(Path(home))})
        async with EmbeddedStack(options, ("postgres", "temporal")) as stack:
            yield stack.temporal_address


async def record(names: Sequence[str]) -> None:
    namespace = f"record-{uuid4().hex[:12]}"
    async with server() as address:
        await prepare(address, namespace)
        async with open_world(address, namespace) as world:
            await asyncio.gather(*(_one(world, name) for name in names))


async def _one(world: World, name: str) -> None:
    handle = await SCENARIOS[name](world)
    path = corpus.keep(name, await handle.fetch_history())
    sys.stdout.write(f"{path.name}\n")


if __name__ == "__main__":
    wanted = sys.argv[1:] or sorted(set(SCENARIOS) - corpus.covered())
    asyncio.run(record(wanted))
    sys.stdout.write(f"{len(wanted)} recorded\n")
