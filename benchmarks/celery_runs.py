"""One run of a Celery baseline: two worker processes, counted by the stand-in for the vendor."""

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import Mapping
from typing import Any, Final

import aiohttp

from benchmarks.celery_tasks import app, send_hundred, send_one, surroundings
from runtime.embedded.options import REPOSITORY

SANDBOX_KEY: Final = "re_sandbox"
Data = Mapping[str, Any]
People = list[dict[str, str]]


async def clear(session: aiohttp.ClientSession, sandbox: str) -> None:
    """The stand-in only counts, from nought."""
    await session.put(f"{sandbox}/mode", json={"keep": "counts"})
    await session.delete(f"{sandbox}/messages")


async def counts(session: aiohttp.ClientSession, sandbox: str) -> dict[str, int]:
    async with session.get(f"{sandbox}/counts") as answer:
        found: dict[str, int] = await answer.json()
        return found


async def celery_run(
    state: Mapping[str, Any], session: aiohttp.ClientSession, data: Data, task: str, count: int
) -> dict[str, Any]:
    """From the first task queued to the last message counted; the workers are warm."""
    sandbox = str(state["sandbox"])
    told = surroundings(state, SANDBOX_KEY)
    app.conf.broker_url = told["BENCH_BROKER"]
    worker = subprocess.Popen(
        [
            sys.executable, "-m", "celery", "-A", "benchmarks.celery_tasks", "worker",
            "--concurrency", "2", "--loglevel", "ERROR", "--without-gossip", "--without-mingle",
        ],
        cwd=REPOSITORY, env={**os.environ, **told}, stdout=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        await clear(session, sandbox)
        await asyncio.to_thread(_queue, task, _people("w", 4), data)
        while (await counts(session, sandbox))["messages"] < 4:
            await asyncio.sleep(0.1)
        await clear(session, sandbox)
        people = _people("c", count)
        began = time.perf_counter()
        await asyncio.to_thread(_queue, task, people, data)
        while (await counts(session, sandbox))["messages"] < count:
            await asyncio.sleep(0.1)
        seconds = time.perf_counter() - began
        counted = await counts(session, sandbox)
    finally:
        worker.terminate()
        await asyncio.to_thread(worker.wait, 30)
    return {
        "task": task,
        "recipients": count,
        "seconds": round(seconds, 2),
        "perSecond": round(count / seconds),
        "counted": counted,
    }


def _people(prefix: str, count: int) -> People:
    return [
        {"id": f"{prefix}{n}", "email": f"{prefix}{n}@example.com", "name": f"Person {n}"}
        for n in range(count)
    ]


def _queue(task: str, people: People, data: Data) -> None:
    with app.producer_pool.acquire(block=True) as producer:
        if task == "send_one":
            for person in people:
                send_one.apply_async((person, data), producer=producer)
        else:
            for start in range(0, len(people), 100):
                send_hundred.apply_async((people[start : start + 100], data), producer=producer)
