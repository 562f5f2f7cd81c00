"""Load in two shapes: as fast as answers come, and at a steady rate whatever the answers do."""

import asyncio
import time
from collections.abc import Callable
from typing import Any

import aiohttp

Body = Callable[[int], dict[str, Any]]


def percentile(sorted_values: list[float], share: float) -> float:
    return sorted_values[min(len(sorted_values) - 1, int(len(sorted_values) * share))]


async def closed_loop(
    url: str, headers: dict[str, str], body: Body, count: int, at_once: int
) -> float:
    """Sends `count` requests, `at_once` in flight. Returns seconds; raises on any refusal."""
    pending = iter(range(count))

    async def run(session: aiohttp.ClientSession) -> None:
        for index in pending:
            async with session.post(url, json=body(index)) as answer:
                if answer.status != 202:
                    raise RuntimeError(f"{answer.status}: {await answer.text()}")

    start = time.perf_counter()
    async with aiohttp.ClientSession(headers=headers) as session:
        await asyncio.gather(*(run(session) for _ in range(at_once)))
    return time.perf_counter() - start


async def open_loop(
    url: str, headers: dict[str, str], body: Body, rate: float, seconds: float
) -> list[float]:
    """Sends `rate` a second for `seconds`. Returns the latencies, sorted, counted from the
    instant each request was due, so that a stall is not forgiven."""
    latencies: list[float] = []

    async def one(session: aiohttp.ClientSession, index: int, due: float) -> None:
        async with session.post(url, json=body(index)) as answer:
            if answer.status != 202:
                raise RuntimeError(f"{answer.status}: {await answer.text()}")
            await answer.read()
        latencies.append(time.perf_counter() - due)

    async with aiohttp.ClientSession(
        headers=headers, connector=aiohttp.TCPConnector(limit=200)
    ) as session:
        start = time.perf_counter()
        async with asyncio.TaskGroup() as group:
            for index in range(int(rate * seconds)):
                due = start + index / rate
                await asyncio.sleep(max(0.0, due - time.perf_counter()))
                group.create_task(one(session, index, due))
    return sorted(latencies)
