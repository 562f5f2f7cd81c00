"""Which Temporal server runs: built here once, else the dev server, downloaded once."""

import asyncio
import shutil
from collections.abc import Mapping
from pathlib import Path

from temporalio.testing import WorkflowEnvironment

from runtime.embedded.home import Home
from runtime.embedded.supervisor import Say
from runtime.embedded.temporal.build import (
    WAYS_OUT,
    Binaries,
    BuildFailed,
    build,
    cached,
    go_binary,
)


async def server_binaries(
    environ: Mapping[str, str], say: Say, *, may_build: bool = True
) -> Binaries | None:
    """The built server, Web UI and SQL tool; None where there is no Go. Raises `BuildFailed`."""
    found = cached(environ)
    if found is not None or not may_build:
        return found
    go = await asyncio.to_thread(go_binary, environ)
    if go is None:
        return None
    say(f"{'temporal':<16} building the server and its Web UI, once: 2 to 6 minutes")
    return await build(go, environ, say)


async def dev_server(home: Home, environ: Mapping[str, str], say: Say) -> Path:
    """The `temporal` command, from the PATH or by the SDK's own download. Raises `BuildFailed`."""
    on_path = shutil.which("temporal", path=environ.get("PATH"))
    if on_path is not None:
        return Path(on_path)
    folder = home.folder("temporal/download")
    there = _downloaded(folder)
    if there is not None:
        return there
    say(f"{'temporal':<16} no Go here: downloading the Temporal SDK's dev server, once")
    try:
        environment = await WorkflowEnvironment.start_local(
            download_dest_dir=str(folder), ip="127.0.0.1"
        )
    except RuntimeError as error:
        raise BuildFailed(f"{error}\n{WAYS_OUT}") from error
    await environment.shutdown()
    there = _downloaded(folder)
    if there is None:
        raise BuildFailed(f"The download left nothing in {folder}.\n{WAYS_OUT}")
    return there


def _downloaded(folder: Path) -> Path | None:
    complete = [path for path in folder.glob("temporal-*") if path.stat().st_mode & 0o100]
    return max(complete, key=lambda path: path.stat().st_mtime, default=None)
