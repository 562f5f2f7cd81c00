"""`doctor`: each thing Herald needs, whether it is there, and what to do when it is not."""

import asyncio
import os
import shutil
import sys
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass

import typer

from cli.connection import load_options
from runtime.embedded.home import Home, is_free
from runtime.embedded.options import EmbeddedOptions
from runtime.embedded.postgres_place import PostgresMissing, find_binaries
from runtime.embedded.probes import postgres_ok, redis_ok, temporal_ok
from runtime.embedded.supervisor import Probe
from runtime.embedded.temporal.build import WAYS_OUT, cache_folder, cached, go_binary
from runtime.embedded.valkey import ValkeyMissing, find_binary
from runtime.embedded.vendors import real_vendors

_LEAST_DISK = 2_000_000_000


@dataclass(frozen=True, slots=True)
class Finding:
    name: str
    good: bool
    detail: str
    remedy: str = ""


def run() -> None:
    """Exit 1 when something is missing or does not answer."""
    options = load_options()
    home = Home(options.home)
    findings = [*examine(options, home)]
    if home.holder() is None:
        findings.append(Finding("herald", True, "not up"))
    else:
        findings.extend(examine_running(home))
    for finding in findings:
        typer.echo(f"{'✔' if finding.good else '✘'} {finding.name:<14} {finding.detail}")
        if not finding.good:
            typer.echo(f"  → {finding.remedy}")
    sys.stdout.flush()
    # The SDK's threads may outlive the interpreter's teardown and crash it.
    os._exit(0 if all(finding.good for finding in findings) else 1)


def examine(options: EmbeddedOptions, home: Home) -> Iterator[Finding]:
    """What must be there before an `up`, cheap things first."""
    yield Finding("python", sys.version_info < (3, 15), sys.version.split()[0],
                  "Herald is tried on Python 3.11 to 3.14.")  # fmt: skip
    yield Finding("environment", sys.prefix != sys.base_prefix, sys.prefix,
                  "Start commands by ./herald, which makes an environment.")  # fmt: skip
    yield from _home(options)
    port, running = options.port, home.holder() is not None
    shown = "chosen at the start" if port == 0 else str(port)
    yield Finding(
        "port",
        running or port == 0 or is_free(port),
        f"{shown}{' (this Herald)' if running and port else ''}",
        "Something else listens there: choose another with HERALD_PORT, or 0 for a free one.",
    )
    yield _postgres(options)
    yield _valkey(options)
    yield from _temporal(options)
    real = real_vendors(options.environment)
    yield Finding("vendors", True, f"real: {', '.join(sorted(real)) or 'none'}; sandbox: the rest")


def examine_running(home: Home) -> Iterator[Finding]:
    """Whether each part of a running `up` answers."""
    state = home.read_state()
    yield Finding("herald", bool(state.get("up")), f"up since process {home.holder()}",
                  f"It is starting or stopping; its logs are in {home.path / 'logs'}.")  # fmt: skip
    probes: dict[str, Probe] = {}
    if url := state.get("database"):
        probes["postgres"] = postgres_ok(url)
    if url := state.get("redis"):
        probes["valkey"] = redis_ok(url)
    temporal = state.get("temporal") or {}
    if address := temporal.get("address"):
        probes["temporal"] = temporal_ok(address)
    remedy = "`up` restarts what dies; the reason is at the end of {}."
    for name, probe in probes.items():
        good = asyncio.run(_ask(probe))
        log = home.path / "logs" / f"{name}.log"
        yield Finding(name, good, "answers" if good else "no answer", remedy.format(log))
    pages = {
        "api": (state.get("api"), "/ready"),
        "sandbox": (state.get("sandbox"), "/health"),
        "temporal-ui": (temporal.get("ui"), "/"),
    }
    for name, (base, path) in pages.items():
        if base:
            good = _http(f"{base}{path}")
            log = home.path / "logs" / f"{name}.log"
            yield Finding(name, good, f"{base}{path}", remedy.format(log))


async def _ask(probe: Probe) -> bool:
    return await probe()


def _http(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=3) as answer:  # noqa: S310
            return bool(answer.status == 200)
    except OSError:
        return False


def _home(options: EmbeddedOptions) -> Iterator[Finding]:
    nearest = next(folder for folder in (options.home, *options.home.parents) if folder.exists())
    yield Finding("home", os.access(nearest, os.W_OK | os.X_OK), str(options.home),
                  f"{nearest} cannot be written: choose another with HERALD_HOME.")  # fmt: skip
    free = shutil.disk_usage(nearest).free
    yield Finding("disk", free > _LEAST_DISK, f"{free / 1e9:.1f} GB free",
                  f"Two gigabytes are needed below {nearest}.")  # fmt: skip
    secrets = options.home / "secrets.json"
    if secrets.exists():
        private = not secrets.stat().st_mode & 0o077
        yield Finding("secrets", private, str(secrets), f"Others may read it: chmod 600 {secrets}")


def _postgres(options: EmbeddedOptions) -> Finding:
    if url := options.database_url:
        return Finding("postgresql", asyncio.run(_ask(postgres_ok(url))), "from DATABASE_URL",
                       "It does not answer, or not to this user: check the URL.")  # fmt: skip
    try:
        return Finding("postgresql", True, str(find_binaries()))
    except PostgresMissing as error:
        return Finding("postgresql", False, "no binaries", str(error))


def _valkey(options: EmbeddedOptions) -> Finding:
    if url := options.redis_url:
        return Finding("valkey", asyncio.run(_ask(redis_ok(url))), "from REDIS_URL",
                       "It does not answer: check the URL.")  # fmt: skip
    try:
        return Finding("valkey", True, str(find_binary()))
    except ValkeyMissing as error:
        return Finding("valkey", False, "no binary", str(error))


def _temporal(options: EmbeddedOptions) -> Iterator[Finding]:
    if address := options.temporal_address:
        yield Finding("temporal", asyncio.run(_ask(temporal_ok(address))), "from TEMPORAL_ADDRESS",
                      "It does not answer: check the address.")  # fmt: skip
        return
    if cached(options.environment):
        yield Finding("temporal", True, f"built in {cache_folder(options.environment)}")
        return
    go = go_binary(options.environment)
    if go:
        yield Finding("temporal", True, f"will be built once with {go}: 2 to 6 minutes")
        return
    on_path = shutil.which("temporal", path=options.environment.get("PATH"))
    yield Finding("temporal", on_path is not None, on_path or "not built, and no Go 1.26", WAYS_OUT)
