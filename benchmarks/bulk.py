"""Bulk: how soon ten thousand items are answered, and items a second until the last has left.

The baseline is the same number of notifications accepted one by one, each a workflow of its own, on
the same Herald in turns with the batch. Counted at the sandbox.
"""

import argparse
import asyncio
import json
import os
import statistics
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import aiohttp

from benchmarks.load import closed_loop
from runtime.embedded.home import Home
from runtime.embedded.options import EmbeddedOptions

WITHIN = 900.0
"""Seconds for one turn."""


def main(words: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(prog="herald bench bulk")
    parser.add_argument("--count", type=int, default=5000, help="items per turn")
    parser.add_argument("--singles", type=int, default=500, help="notifications of the baseline")
    parser.add_argument("--turns", type=int, default=3)
    asyncio.run(_measure(parser.parse_args(list(words))))


@dataclass(frozen=True, slots=True)
class Bench:
    api: str
    sandbox: str
    headers: dict[str, str]
    run: str

    def item(self, turn: str, index: int) -> dict[str, Any]:
        return {
            "userId": f"bulk-{self.run}-{index}",
            "type": "application_update",
            "channels": ["email"],
            "title": f"Notification {turn} {index}",
            "content": "Something about your application has changed; have a look.",
        }


async def _measure(options: argparse.Namespace) -> None:
    home = Home(EmbeddedOptions.from_environment(os.environ).home)
    state = home.read_state()
    if not state.get("up"):
        sys.exit("Start ./herald up first; the figures are taken on it.")
    headers = {"Authorization": f"Bearer {home.secrets(os.environ)['HERALD_API_KEY']}"}
    bench = Bench(f"{state['api']}/api", state["sandbox"], headers, uuid4().hex[:8])
    timeout = aiohttp.ClientTimeout(total=120)
    async with aiohttp.ClientSession(headers=headers, timeout=timeout) as session:
        await _put_users(session, bench, max(options.count, options.singles))
        await session.put(f"{bench.sandbox}/mode", json={"keep": "counts"})
        turns = []
        for turn in range(options.turns):
            singles = await _singles(session, bench, f"single-{turn}", options.singles)
            answered, rate = await _bulk(session, bench, f"bulk-{turn}", options.count)
            turns.append({"singles": singles, "bulk": rate, "answeredIn": answered})
            print(json.dumps(turns[-1]), flush=True)
    medians = {name: statistics.median(turn[name] for turn in turns) for name in turns[0]}
    print(json.dumps({"medians": medians, "ratio": round(medians["bulk"] / medians["singles"], 1)}))


async def _put_users(session: aiohttp.ClientSession, bench: Bench, count: int) -> None:
    gate = asyncio.Semaphore(16)

    async def put(index: int) -> None:
        user = f"bulk-{bench.run}-{index}"
        body = {"email": f"{user}@example.com", "timezone": "UTC"}
        async with gate, session.put(f"{bench.api}/users/{user}", json=body) as answer:
            answer.raise_for_status()

    await asyncio.gather(*(put(index) for index in range(count)))


async def _singles(session: aiohttp.ClientSession, bench: Bench, turn: str, count: int) -> float:
    """Notifications a second, from the first call to the last message."""
    before, began = await _messages(session, bench), time.perf_counter()
    url = f"{bench.api}/notifications"
    await closed_loop(url, bench.headers, lambda index: bench.item(turn, index), count, 50)
    return await _rate(session, bench, before + count, count, began)


async def _bulk(
    session: aiohttp.ClientSession, bench: Bench, turn: str, count: int
) -> tuple[float, float]:
    """(seconds until the answer, items a second from the call to the last message)."""
    items = [bench.item(turn, index) for index in range(count)]
    before, began = await _messages(session, bench), time.perf_counter()
    async with session.post(
        f"{bench.api}/notifications/bulk", json={"notifications": items}
    ) as answer:
        accepted = (await answer.json())["accepted"]
    answered = time.perf_counter() - began
    if accepted != count:
        sys.exit(f"only {accepted} of {count} were accepted")
    return round(answered, 2), await _rate(session, bench, before + count, count, began)


async def _rate(
    session: aiohttp.ClientSession, bench: Bench, wanted: int, count: int, began: float
) -> float:
    async with asyncio.timeout(WITHIN):
        while await _messages(session, bench) < wanted:
            await asyncio.sleep(0.05)
    return round(count / (time.perf_counter() - began), 1)


async def _messages(session: aiohttp.ClientSession, bench: Bench) -> int:
    async with session.get(f"{bench.sandbox}/counts") as answer:
        messages: int = (await answer.json())["messages"]
        return messages


if __name__ == "__main__":
    main(sys.argv[1:])
