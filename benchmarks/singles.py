"""Two figures: single notifications a second, and the latency of accepting one.

Throughput is taken in turns with its baseline, so that a noisy minute hits both. Latency is taken
at half of the rate at which Herald saturates, accepted to sent, with all of its work going on; the
baseline is asked at the same rate.
"""

import argparse
import asyncio
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import aiohttp
import asyncpg

from benchmarks.bare import workflows_per_second
from benchmarks.load import closed_loop, open_loop, percentile
from benchmarks.processes import answers
from runtime.embedded.home import Home, free_port
from runtime.embedded.options import REPOSITORY, EmbeddedOptions


def main(words: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(prog="herald bench")
    parser.add_argument("--count", type=int, default=1000, help="notifications per turn")
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--at-once", type=int, default=50)
    parser.add_argument("--seconds", type=float, default=15, help="of each latency run")
    asyncio.run(_measure(parser.parse_args(list(words))))


@dataclass(frozen=True, slots=True)
class Bench:
    """A running Herald and how hard to try it."""

    api: str
    headers: dict[str, str]
    database: str
    sandbox: str
    temporal: str
    namespace: str
    run: str
    count: int
    turns: int
    at_once: int
    seconds: float

    def body(self, turn: str, offset: int = 0) -> Callable[[int], dict[str, Any]]:
        def make(index: int) -> dict[str, Any]:
            return {
                "userId": f"bench-{self.run}-{index % 100}",
                "type": "application_update",
                "channels": ["email"],
                "title": f"Notification {turn} {index + offset}",
                "content": "Something about your application has changed; have a look.",
            }

        return make


async def _measure(options: argparse.Namespace) -> None:
    embedded = EmbeddedOptions.from_environment(os.environ)
    home = Home(embedded.home)
    state = home.read_state()
    if not state.get("up"):
        sys.exit("Start ./herald up first; the figures are taken on it.")
    bench = Bench(
        api=f"{state['api']}/api",
        headers={"Authorization": f"Bearer {home.secrets(os.environ)['HERALD_API_KEY']}"},
        database=state["database"],
        sandbox=state["sandbox"],
        temporal=state["temporal"]["address"],
        namespace=state["temporal"]["namespace"],
        run=uuid4().hex[:6],
        count=options.count,
        turns=options.turns,
        at_once=options.at_once,
        seconds=options.seconds,
    )
    await _users(bench)
    await _keep(bench, "counts")
    try:
        throughput = await _throughput(bench)
        idle = await _idle(bench)
        latency = await _latency(bench, max(throughput["notificationsPerSecond"]) / 2)
    finally:
        await _keep(bench, "all")
    print(json.dumps({"throughput": throughput, "idle": idle, "latency": latency}, indent=2))


async def _keep(bench: Bench, mode: str) -> None:
    """The sandbox keeps only counts while a load runs."""
    async with aiohttp.ClientSession() as session:
        await session.put(f"{bench.sandbox}/mode", json={"keep": mode})


async def _users(bench: Bench) -> None:
    async with aiohttp.ClientSession(headers=bench.headers) as session:
        for number in range(100):
            name = f"bench-{bench.run}-{number}"
            body = {"email": f"{name}@example.com", "timezone": "UTC"}
            async with session.put(f"{bench.api}/users/{name}", json=body) as answer:
                answer.raise_for_status()


async def _throughput(bench: Bench) -> dict[str, Any]:
    """Turn about: the bare workflow, then Herald."""
    command = [sys.executable, "-m", "benchmarks.bare", bench.temporal, bench.namespace]
    worker = subprocess.Popen(command, cwd=REPOSITORY)
    bare, ours, accepting = [], [], []
    try:
        for turn in range(bench.turns):
            bare.append(
                await workflows_per_second(
                    bench.temporal, bench.namespace, bench.count, bench.at_once
                )
            )
            per_second, accepted = await _one_turn(bench, f"{bench.run}-{turn}")
            ours.append(per_second)
            accepting.append(accepted)
    finally:
        worker.terminate()
        worker.wait()
    return {
        "bareWorkflowsPerSecond": [round(value, 1) for value in bare],
        "notificationsPerSecond": [round(value, 1) for value in ours],
        "ratio": round(statistics.median(ours) / statistics.median(bare), 2),
        "acceptedPerSecond": round(statistics.median(accepting), 1),
    }


async def _one_turn(bench: Bench, turn: str) -> tuple[float, float]:
    """Accepted → sent: from the first request until no row is open any more."""
    database = await asyncpg.connect(bench.database)
    since = await database.fetchval("select now()")
    started = time.perf_counter()
    seconds = await closed_loop(
        f"{bench.api}/notifications", bench.headers, bench.body(turn), bench.count, bench.at_once
    )
    while await database.fetchval(
        "select exists (select 1 from notifications where created_at > $1"
        " and status in ('accepted', 'scheduled', 'processing'))",
        since,
    ):
        await asyncio.sleep(0.1)
    took = time.perf_counter() - started
    await database.close()
    return bench.count / took, bench.count / seconds


async def _idle(bench: Bench) -> dict[str, float]:
    """One at a time on an idle machine: from accepting to the ledger's `sent`."""
    database = await asyncpg.connect(bench.database)
    waits = []
    async with aiohttp.ClientSession(headers=bench.headers) as session:
        for index in range(60):
            body = bench.body(f"{bench.run}-idle")(index)
            async with session.post(f"{bench.api}/notifications", json=body) as answer:
                accepted = await answer.json()
            row = None
            while row is None:
                await asyncio.sleep(0.02)
                row = await database.fetchrow(
                    "select d.intent_at - n.created_at as took from notification_deliveries d"
                    " join notifications n on n.id = d.notification_id"
                    " where n.id = $1 and d.status = 'sent'",
                    accepted["id"],
                )
            waits.append(row["took"].total_seconds())
    await database.close()
    waits.sort()
    return {
        "p50ms": round(percentile(waits, 0.5) * 1000, 1),
        "p99ms": round(percentile(waits, 0.99) * 1000, 1),
    }


async def _latency(bench: Bench, rate: float) -> dict[str, Any]:
    port = free_port()
    command = [sys.executable, "-m", "benchmarks.one_row", str(port), bench.database]
    baseline = subprocess.Popen(command, cwd=REPOSITORY)
    try:
        await answers(f"http://127.0.0.1:{port}/docs")
        one_row = await _percentiles(bench, f"http://127.0.0.1:{port}/rows", rate, "row")
        herald = await _percentiles(bench, f"{bench.api}/notifications", rate, "accept")
    finally:
        baseline.terminate()
        baseline.wait()
    return {
        "ratePerSecond": round(rate, 1),
        "oneRow": one_row,
        "herald": herald,
        "p99Ratio": round(herald["p99ms"] / one_row["p99ms"], 2),
    }


async def _percentiles(bench: Bench, url: str, rate: float, turn: str) -> dict[str, float]:
    turn = f"{bench.run}-{turn}"
    await open_loop(url, bench.headers, bench.body(turn), rate, 2)
    found = await open_loop(url, bench.headers, bench.body(turn, 1_000_000), rate, bench.seconds)
    return {
        "p50ms": round(percentile(found, 0.5) * 1000, 1),
        "p99ms": round(percentile(found, 0.99) * 1000, 1),
    }


if __name__ == "__main__":
    main(sys.argv[1:])
