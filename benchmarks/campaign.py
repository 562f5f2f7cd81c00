"""Campaigns: recipients a second from the send call to the last message, with all of the ledger,
beside two Celery baselines on the same Valkey and the same stand-in for the vendor.

Brings up a whole Herald of its own. The stand-in only counts, and says afterwards how many
recipients it saw and whether any of them twice. With `--codes`, one-time codes are sent during the
campaign, one a second, and before it on the idle machine.
"""

import argparse
import asyncio
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import aiohttp

from benchmarks.celery_runs import celery_run, clear, counts
from benchmarks.load import percentile
from benchmarks.people import add_people, ring_of
from benchmarks.processes import cpu_seconds, resident
from runtime.embedded.home import Home, free_port
from runtime.embedded.options import REPOSITORY

DATA: Final = {
    "intro": "What moved the job market this month.",
    "articles": [
        {
            "title": "Five questions to ask in an interview",
            "summary": "And what the answers tell you.",
            "url": "https://example.com/articles/1",
        },
        {"title": "Salaries", "summary": "Where they rise.", "url": "https://example.com/a/2"},
    ],
    "url": "https://example.com/all",
}
OVER: Final = ("completed", "failed", "cancelled")
SAMPLE_EVERY: Final = 1.0
"""Seconds; more for large ones, whose accounts take half a second of the database to count."""


@dataclass(slots=True)
class Bench:
    """A running Herald."""

    home: Home
    state: dict[str, Any]
    session: aiohttp.ClientSession
    memory: dict[str, list[int]] = field(default_factory=dict)

    @property
    def api(self) -> str:
        return f"{self.state['api']}/api"

    @property
    def sandbox(self) -> str:
        return str(self.state["sandbox"])

    def processes(self) -> list[tuple[str, int]]:
        """Those that run now, by name."""
        parts = self.home.read_state()["processes"].items()
        return [(name, entry["pid"]) for name, entry in parts if entry["pid"]]

    async def call(self, method: str, path: str, body: Any = None) -> Any:
        async with self.session.request(method, f"{self.api}{path}", json=body) as answer:
            if answer.status >= 400:
                sys.exit(f"{method} {path}: {answer.status} {await answer.text()}")
            return await answer.json()


def main(words: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(prog="herald bench campaign")
    parser.add_argument("--recipients", type=int, nargs="+", default=[50_000])
    parser.add_argument("--celery", type=int, default=10_000, help="recipients of each baseline")
    parser.add_argument("--codes", action="store_true", help="one-time codes meanwhile")
    options = parser.parse_args(list(words))
    print(json.dumps(asyncio.run(measure(options)), indent=2))


async def measure(options: argparse.Namespace) -> dict[str, Any]:
    figures: dict[str, Any] = {"campaigns": []}
    async with _herald() as bench:
        for count in options.recipients:
            prefix = f"n{count}"
            await add_people(bench.state["database"], ring_of(bench.home), count, prefix)
            await asyncio.sleep(2)
            codes = await _codes(bench, 30) if options.codes else None
            campaign = await _campaign(bench, count, prefix, codes=options.codes)
            if codes is not None:
                campaign["idleCodeMs"] = codes
            figures["campaigns"].append(campaign)
            _say(campaign)
        if options.celery:
            figures["celery"] = [
                await celery_run(bench.state, bench.session, DATA, "send_one", options.celery),
                await celery_run(
                    bench.state, bench.session, DATA, "send_hundred", options.celery * 5
                ),
            ]
    return figures


@asynccontextmanager
async def _herald() -> AsyncIterator[Bench]:
    with tempfile.TemporaryDirectory(prefix="herald-bench-") as folder:
        Path(folder).chmod(0o755)  # the database may run as another user
        environment = {
            **os.environ,
            "HERALD_HOME": f"{folder}/home",
            "HERALD_PORT": str(free_port()),
        }
        os.environ.update(HERALD_HOME=environment["HERALD_HOME"])
        process = subprocess.Popen(
            [sys.executable, "-m", "cli", "up"],
            cwd=REPOSITORY,
            env=environment,
            stdout=subprocess.DEVNULL,
        )
        home = Home(Path(environment["HERALD_HOME"]))
        try:
            async with asyncio.timeout(420):
                while not home.read_state().get("up"):
                    if process.poll() is not None:
                        sys.exit("Herald did not come up.")
                    await asyncio.sleep(0.2)
            key = home.secrets(os.environ)["HERALD_API_KEY"]
            headers = {"Authorization": f"Bearer {key}"}
            timeout = aiohttp.ClientTimeout(total=120)
            async with aiohttp.ClientSession(headers=headers, timeout=timeout) as session:
                yield Bench(home, home.read_state(), session)
        finally:
            process.terminate()
            await asyncio.to_thread(process.wait, 30)


async def _campaign(bench: Bench, count: int, prefix: str, *, codes: bool) -> dict[str, Any]:
    await clear(bench.session, bench.sandbox)
    made = await bench.call(
        "POST",
        "/campaigns/email",
        {
            "name": f"{count:,} recipients",
            "type": "newsletter",
            "template": {"key": "newsletter"},
            "subject": "News for {{ user.name }}",
            "data": DATA,
            "audience": {"segment": {"field": "id", "op": "startsWith", "value": f"{prefix}-"}},
        },
    )
    path = f"/campaigns/email/{made['id']}"
    before = _cpu(bench)
    bench.memory.clear()
    sending = asyncio.create_task(_codes(bench, 10_000)) if codes else None
    began = time.perf_counter()
    await bench.call("POST", f"{path}/send")
    accounts = await _until_over(bench, path, count)
    seconds = _between(made_at=began, done=await bench.call("GET", path))
    figures = {
        "recipients": accounts["recipients"],
        "sent": accounts["sent"],
        "seconds": round(seconds, 2),
        "perSecond": round(accounts["sent"] / seconds),
        "counted": await counts(bench.session, bench.sandbox),
        "cpuMsPerRecipient": {
            name: round(1000 * (after - before.get(name, 0)) / count, 3)
            for name, after in _cpu(bench).items()
        },
        "memoryMiB": {name: _memory(values) for name, values in bench.memory.items()},
    }
    if sending is not None:
        sending.cancel()
        figures["codeMs"] = (await asyncio.gather(sending, return_exceptions=True))[0]
    return figures


async def _until_over(bench: Bench, path: str, count: int) -> dict[str, Any]:
    """The campaign's last accounts; ends everything when they do not add up."""
    while True:
        await asyncio.sleep(max(SAMPLE_EVERY, count / 100_000))
        _note_memory(bench)
        accounts: dict[str, Any] = await bench.call("GET", f"{path}/metrics")
        skipped = sum(accounts["skipped"].values())
        total = accounts["sent"] + skipped + accounts["failed"] + accounts["pending"]
        if total != accounts["recipients"]:
            sys.exit(f"The accounts do not add up: {accounts}")
        if accounts["status"] in OVER:
            return accounts


def _between(*, made_at: float, done: dict[str, Any]) -> float:
    """From the send call to the campaign's own end, which is up to a second before we saw it."""
    ended = datetime.fromisoformat(done["completedAt"])
    late = (datetime.now(UTC) - ended).total_seconds()
    return time.perf_counter() - made_at - late


async def _codes(bench: Bench, most: int) -> dict[str, float]:
    """One-time codes, one a second: milliseconds from the call to the provider's yes."""
    user = {"email": "codes@example.com", "timezone": "UTC"}
    await bench.call("PUT", "/users/code-reader", user)
    ids: list[str] = []
    try:
        for number in range(most):
            body = {
                "userId": "code-reader", "type": "one_time_code", "channels": ["email"],
                "data": {"code": f"{number:06}"}, "dedupKey": f"{time.time_ns()}",
            }  # fmt: skip
            ids.append((await bench.call("POST", "/notifications", body))["id"])
            await asyncio.sleep(1 if most > 100 else 0.2)
    except asyncio.CancelledError:
        pass
    await asyncio.sleep(2)
    taken = [await _latency(bench, one) for one in ids]
    known = sorted(value for value in taken if value is not None)
    return {
        "codes": len(ids),
        "sent": len(known),
        "p50": round(percentile(known, 0.5), 1),
        "p99": round(percentile(known, 0.99), 1),
    }


async def _latency(bench: Bench, notification_id: str) -> float | None:
    found = await bench.call("GET", f"/notifications/{notification_id}")
    [line] = found["deliveries"] or [{}]
    if not line.get("sentAt"):
        return None
    sent = datetime.fromisoformat(line["sentAt"])
    return (sent - datetime.fromisoformat(found["createdAt"])).total_seconds() * 1000


def _cpu(bench: Bench) -> dict[str, float]:
    """CPU seconds of each part so far; PostgreSQL's with its children, dead ones included."""
    found = {}
    for name, pid in bench.processes():
        if name == "postgres":
            children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
            stat = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            reaped = (int(stat[13]) + int(stat[14])) / os.sysconf("SC_CLK_TCK")
            found[name] = reaped + sum(_cpu_of(int(child)) for child in children)
        else:
            found[name] = _cpu_of(pid)
    return found


def _cpu_of(pid: int) -> float:
    try:
        return cpu_seconds(pid)
    except FileNotFoundError:
        return 0.0


def _note_memory(bench: Bench) -> None:
    for name, pid in bench.processes():
        bench.memory.setdefault(name, []).append(resident(pid) >> 20)


def _memory(values: list[int]) -> dict[str, Any]:
    """At the start, at its most, at the end, and a line of ten points between."""
    step = max(len(values) // 10, 1)
    return {"most": max(values), "overTime": values[::step]}


def _say(figures: dict[str, Any]) -> None:
    line = f"{figures['recipients']:,} recipients: {figures['perSecond']:,}/s"
    print(line, file=sys.stderr, flush=True)
