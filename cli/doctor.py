"""`doctor`: each thing Herald needs, whether it is there, and what to do when it is not."""

import os
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass

import typer

from runtime.embedded.home import Home, is_free
from runtime.embedded.options import EmbeddedOptions
from runtime.embedded.postgres import PostgresMissing, find_binaries
from runtime.embedded.temporal.build import WAYS_OUT, cached, go_binary
from runtime.embedded.valkey import ValkeyMissing, find_binary

_LEAST_DISK = 2_000_000_000


@dataclass(frozen=True, slots=True)
class Finding:
    name: str
    good: bool
    detail: str
    remedy: str = ""


def run() -> None:
    """Exit 1 when something is missing."""
    bad = 0
    for finding in examine(EmbeddedOptions.from_environment(os.environ)):
        bad += not finding.good
        typer.echo(f"{'✔' if finding.good else '✘'} {finding.name:<12} {finding.detail}")
        if not finding.good:
            typer.echo(f"  → {finding.remedy}")
    raise typer.Exit(1 if bad else 0)


def examine(options: EmbeddedOptions) -> Iterator[Finding]:
    """Every finding, cheap ones first."""
    yield Finding("python", True, sys.version.split()[0])
    options.home.mkdir(parents=True, exist_ok=True)
    writable = os.access(options.home, os.W_OK)
    yield Finding("home", writable, str(options.home), "Choose another with HERALD_HOME.")
    free = shutil.disk_usage(options.home).free
    yield Finding(
        "disk", free > _LEAST_DISK, f"{free / 1e9:.1f} GB free", "Two gigabytes are needed."
    )
    running = bool(Home(options.home).read_state().get("up"))
    yield Finding(
        "port",
        running or is_free(options.port),
        f"{options.port}{' (in use by this Herald)' if running else ''}",
        "Something else listens there: choose another with HERALD_PORT.",
    )
    yield _postgres(options)
    yield _valkey(options)
    yield _temporal(options)


def _postgres(options: EmbeddedOptions) -> Finding:
    if options.database_url:
        return Finding("postgresql", True, "from DATABASE_URL")
    try:
        return Finding("postgresql", True, str(find_binaries()))
    except PostgresMissing as error:
        return Finding("postgresql", False, "no binaries", str(error))


def _valkey(options: EmbeddedOptions) -> Finding:
    if options.redis_url:
        return Finding("valkey", True, "from REDIS_URL")
    try:
        return Finding("valkey", True, str(find_binary()))
    except ValkeyMissing as error:
        return Finding("valkey", False, "no binary", str(error))


def _temporal(options: EmbeddedOptions) -> Finding:
    if options.temporal_address:
        return Finding("temporal", True, "from TEMPORAL_ADDRESS")
    if cached(options.environment):
        return Finding("temporal", True, "built already")
    go = go_binary(options.environment)
    if go:
        return Finding("temporal", True, f"will be built once with {go}")
    return Finding("temporal", False, "not built, and no Go 1.26", WAYS_OUT)
