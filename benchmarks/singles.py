"""Two figures: single notifications a second, and the latency of accepting one.

Throughput is taken in turns with its baseline, so that a noisy minute hits both. Latency is taken
at half of the rate at which Herald saturates, for Herald and for its baseline alike.
"""

import argparse
import asyncio
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from uuid import uuid4

import aiohttp

from benchmarks.bare import workflows_per_second
from benchmarks.load import closed_loop, open_loop, percentile
from runtime.embedded.home import Home, free_port
from runtime.embedded.options import REPOSITORY, EmbeddedOptions


def main(words: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(prog="herald bench")
    parser.add_argument("--count", type=int, default=1000, help="notifications per turn")
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--at-once", type=int, default=50)
    parser.add_argument("--seconds", type=float, default=15, help="of each latency run")
    asyncio.run(_measure(parser.parse_args(list(words))))


async def _measure(options: argparse.Namespace) -> None:
    embedded = EmbeddedOptions.from_environment(os.environ)
    home = Home(embedded.home)
    state = home.read_state()
    if not state.get("up"):
        sys.exit("Start ./herald up first; the figures are taken on it.")
    headers = {"Authorization": f"Bearer {home.secrets(os.environ)['HERALD_API_KEY']}"}
    api, temporal = f"{state['api']}/api", state["temporal"]
    run = uuid4().hex[:6]
    await _users(api, headers, run)
    async with _sandbox_counting(state["sandbox"]):
        throughput = await _throughput(options, api, headers, run, state, temporal)
    rate = throughput["accepted"] / 2
    latency = await _latency(options, api, headers, run, state, rate)
    print(json.dumps({"throughput": throughput, "latency": latency}, indent=2))


class _sandbox_counting:  # noqa: N801
    """The sandbox keeps only counts while a load runs."""

    def __init__(self, url: str) -> None:
        self._url = url

    async def _mode(self, keep: str) -> None:
        async with aiohttp.ClientSession() as session:
            await session.put(f"{self._url}/mode", json={"keep": keep})

    async def __aenter__(self) -> None:
        await self._mode("counts")

    async def __aexit__(self, *_: object) -> None:
        await self._mode("all")


async def _users(api: str, headers: dict, run: str) -> None:
    async with aiohttp.ClientSession(headers=headers) as session:
        for number in range(100):
            body = {"email": f"bench-{run}-{number}@example.com", "timezone": "UTC"}
            async with session.put(f"{api}/users/bench-{run}-{number}", json=body) as answer:
                answer.raise_for_status()


def _body(run: str, turn: str):
    def body(index: int) -> dict:
        return {
            "userId": f"bench-{run}-{index % 100}",
            "type": "application_update",
            "channels": ["email"],
            "title": f"Notification {turn} {index}",
            "content": "Something about your application has changed; have a look.",
        }

    return body


async def _throughput(options, api, headers, run, state, temporal) -> dict:
    worker = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.bare", temporal["address"], temporal["namespace"]],
        cwd=REPOSITORY,
    )
    bare, ours, accepting = [], [], []
    try:
        for turn in range(options.turns):
            bare.append(
                await workflows_per_second(
                    temporal["address"], temporal["namespace"], options.count, options.at_once
                )
            )
            per_second, accepted = await _one_turn(options, api, headers, run, turn, state)
            ours.append(per_second)
            accepting.append(accepted)
    finally:
        worker.terminate()
        worker.wait()
    return {
        "bareWorkflowsPerSecond": [round(value, 1) for value in bare],
        "notificationsPerSecond": [round(value, 1) for value in ours],
        "ratio": round(statistics.median(ours) / statistics.median(bare), 2),
        "accepted": round(statistics.median(accepting), 1),
    }


async def _one_turn(options, api, headers, run, turn, state) -> tuple[float, float]:
    """Accepted → sent: from the first request to the last ledger line that says so."""
    import asyncpg

    database = await asyncpg.connect(state["database"])
    started = time.perf_counter()
    seconds = await closed_loop(
        f"{api}/notifications", headers, _body(run, f"{run}-{turn}"), options.count,
        options.at_once,
    )  # fmt: skip
    before = await database.fetchval("select now() - make_interval(secs => $1)", seconds + 1)
    while True:
        open_rows = await database.fetchval(
            "select count(*) from notifications where user_id like $1 and created_at > $2"
            " and status in ('accepted', 'scheduled', 'processing')",
            f"bench-{run}-%",
            before,
        )
        if open_rows == 0:
            break
        await asyncio.sleep(0.1)
    took = time.perf_counter() - started
    await database.close()
    return options.count / took, options.count / seconds


async def _latency(options, api, headers, run, state, rate) -> dict:
    port = free_port()
    baseline = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.one_row", str(port), state["database"]], cwd=REPOSITORY
    )
    try:
        await _answers(f"http://127.0.0.1:{port}/docs")
        url = f"http://127.0.0.1:{port}/rows"
        figures = {}
        for name, target in (("oneRow", url), ("herald", f"{api}/notifications")):
            given = headers if name == "herald" else {}
            body = _body(run, f"{run}-latency")
            await open_loop(target, given, body, rate, 2)
            found = await open_loop(
                target, given, lambda n: body(n + 1_000_000), rate, options.seconds
            )
            figures[name] = {
                "p50ms": round(percentile(found, 0.5) * 1000, 1),
                "p99ms": round(percentile(found, 0.99) * 1000, 1),
            }
        figures["ratePerSecond"] = round(rate, 1)
        figures["p99Ratio"] = round(figures["herald"]["p99ms"] / figures["oneRow"]["p99ms"], 2)
        return figures
    finally:
        baseline.terminate()
        baseline.wait()


async def _answers(url: str) -> None:
    async with asyncio.timeout(20), aiohttp.ClientSession() as session:
        while True:
            try:
                async with session.get(url):
                    return
            except aiohttp.ClientError:
                await asyncio.sleep(0.1)


if __name__ == "__main__":
    main(sys.argv[1:])
