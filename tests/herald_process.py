"""A whole Herald for a test: `up` in a home of its own, its API, its sandbox, its parts."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from runtime.embedded.home import Home, free_port
from runtime.embedded.options import REPOSITORY

START_WITHIN = 420.0
"""A machine on which Temporal was never built builds it now."""
STOP_WITHIN = 25.0


@dataclass
class Herald:
    """A running `up`, seen from outside."""

    process: subprocess.Popen[bytes]
    environment: Mapping[str, str]
    log: Path
    api: httpx.AsyncClient
    sandbox: httpx.AsyncClient

    def status(self) -> dict[str, Any]:
        done = subprocess.run(
            herald_command("status", "--json"), env=dict(self.environment), cwd=REPOSITORY,
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        described: dict[str, Any] = json.loads(done.stdout)
        return described

    def pid(self, name: str) -> int:
        """The part's process; one that is just being brought back is waited for."""
        deadline = time.monotonic() + 20
        while True:
            pids = {item["name"]: item["pid"] for item in self.status()["processes"]}
            if name in pids:
                return int(pids[name])
            assert time.monotonic() < deadline, f"{name} is not there: {pids}"
            time.sleep(0.1)

    def kill(self, name: str) -> None:
        os.kill(self.pid(name), signal.SIGKILL)

    async def user(self, user_id: str, **profile: Any) -> str:
        answer = await self.api.put(
            f"/users/{user_id}",
            json={"email": f"{user_id}@example.com", "timezone": "UTC"} | profile,
        )
        assert answer.status_code in {200, 201}, answer.text
        return user_id

    async def send(self, user_id: str, **fields: Any) -> dict[str, Any]:
        body = {
            "userId": user_id, "type": "application_update", "title": "A title",
            "content": "Some words.", "channels": ["email"],
        } | fields  # fmt: skip
        answer = await self.api.post("/notifications", json=body)
        assert answer.status_code == 202, answer.text
        accepted: dict[str, Any] = answer.json()
        return accepted

    async def get(self, notification_id: str) -> dict[str, Any]:
        answer = await self.api.get(f"/notifications/{notification_id}")
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    async def until(self, notification_id: str, *statuses: str, within: float = 30.0) -> Any:
        """The notification once it has one of these statuses."""
        deadline = asyncio.get_running_loop().time() + within
        while True:
            item = await self.get(notification_id)
            if item["status"] in statuses:
                return item
            assert asyncio.get_running_loop().time() < deadline, item
            await asyncio.sleep(0.1)

    async def left(self, notification_id: str, within: float = 30.0) -> Any:
        """The notification once all of its deliveries are with their providers."""
        deadline = asyncio.get_running_loop().time() + within
        while True:
            item = await self.get(notification_id)
            lines = item["deliveries"]
            if lines and all(line["status"] in {"sent", "delivered"} for line in lines):
                return item
            assert asyncio.get_running_loop().time() < deadline, item
            await asyncio.sleep(0.1)

    async def messages(self, to: str) -> list[dict[str, Any]]:
        answer = await self.sandbox.get("/messages", params={"to": to})
        found: list[dict[str, Any]] = answer.json()["data"]
        return found

    async def fault(self, **fault: Any) -> None:
        answer = await self.sandbox.post("/faults", json=fault)
        assert answer.is_success, answer.text


def herald_command(*words: str) -> list[str]:
    return [sys.executable, "-m", "cli", *words]


@asynccontextmanager
async def running_herald(home: Path, **settings: str) -> AsyncIterator[Herald]:
    """Started from nothing, stopped by SIGTERM, and nothing of it left."""
    port = free_port()
    given = {
        "HERALD_HOME": str(home),
        "HERALD_PORT": str(port),
        "HERALD_API_KEY": "hk_test_key_for_one_run",
        "PYTHONPATH": str(REPOSITORY),
    }
    environment = {**os.environ, **given, **settings}
    home.mkdir(parents=True, exist_ok=True)
    log = home / "up.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            herald_command("up"), env=environment, cwd=REPOSITORY, stdout=output, stderr=output
        )
    headers = {"Authorization": "Bearer hk_test_key_for_one_run"}
    base = f"http://127.0.0.1:{port}"
    try:
        state = await _until_up(process, environment, log)
        async with (
            httpx.AsyncClient(base_url=f"{base}/api", headers=headers, timeout=30) as api,
            httpx.AsyncClient(base_url=state["sandbox"], timeout=30) as sandbox,
        ):
            yield Herald(process, environment, log, api, sandbox)
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            await asyncio.to_thread(process.wait, STOP_WITHIN)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise
    Home(home).remove()  # a failed test keeps it for its logs


async def _until_up(
    process: subprocess.Popen[bytes], environment: Mapping[str, str], log: Path
) -> dict[str, Any]:
    deadline = asyncio.get_running_loop().time() + START_WITHIN
    state_file = Path(environment["HERALD_HOME"]) / "state.json"
    while True:
        assert process.poll() is None, log.read_text()
        assert asyncio.get_running_loop().time() < deadline, log.read_text()
        try:
            state: dict[str, Any] = json.loads(state_file.read_text())
        except (FileNotFoundError, json.JSONDecodeError):
            state = {}
        if state.get("up"):
            return state
        await asyncio.sleep(0.1)
