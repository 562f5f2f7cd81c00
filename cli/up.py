"""`up` and `demo`: everything on this machine, supervised, until asked to stop."""

import asyncio
import contextlib
import os
import signal
import sys
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import NoReturn

import typer

from cli.connection import Connection, connect, describe, load_options
from runtime.embedded.application import APPLICATION, Application
from runtime.embedded.home import AlreadyRunning, Home, is_free
from runtime.embedded.options import EmbeddedOptions
from runtime.embedded.stack import INFRASTRUCTURE, REFUSALS, EmbeddedStack

EVERYTHING = (*INFRASTRUCTURE, *APPLICATION)
_FAILED = 1
_RUNNING = 2
_INTERRUPTED = 130

WhenUp = Callable[[Connection], Awaitable[int]]
"""Works on a Herald that is up and returns the exit code; `up` ends with it."""


def run(parts: str | None = None) -> NoReturn:
    """Exit codes: 0 stopped on request, 1 a part failed, 2 an `up` runs on this home already."""
    wanted = tuple(parts.split(",")) if parts else EVERYTHING
    if unknown := [name for name in wanted if name not in EVERYTHING]:
        typer.secho(f"No such part: {', '.join(unknown)}. There are {', '.join(EVERYTHING)}.",
                    err=True)  # fmt: skip
        _leave(_RUNNING)
    _leave(asyncio.run(_serve(wanted, None)))


def demo(*, keep: bool) -> NoReturn:
    """Uses an `up` that runs, else brings one up for as long as it takes."""
    options = load_options()
    home = Home(options.home)
    if home.holder() is not None and home.read_state().get("up"):
        _leave(asyncio.run(_demo(connect())))

    async def when_up(connection: Connection) -> int:
        code = await _demo(connection)
        if keep and code == 0:
            typer.echo("\nHerald goes on running; Ctrl-C or ./herald down stops it.")
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.Future()
        return code

    _leave(asyncio.run(_serve(EVERYTHING, when_up)))


async def _demo(connection: Connection) -> int:
    from cli.demo import run_demo

    typer.echo("")
    arrived = await run_demo(connection, typer.echo)
    options = load_options()
    if not arrived:
        typer.echo("\nNot all of them arrived.")
    _show_links(options, Home(options.home))
    return 0 if arrived else 1


async def _serve(parts: Sequence[str], when_up: WhenUp | None) -> int:
    """Until SIGTERM, Ctrl-C or a closed terminal; also while things still start."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        loop.add_signal_handler(number, stop.set)
    running = asyncio.create_task(_bring_up(parts, when_up))
    stopping = asyncio.create_task(stop.wait())
    await asyncio.wait({running, stopping}, return_when=asyncio.FIRST_COMPLETED)
    running.cancel()
    try:
        return await running
    except asyncio.CancelledError:
        return 0 if when_up is None else _INTERRUPTED
    except AlreadyRunning as error:
        typer.secho(f"{error}: see ./herald status, stop it with ./herald down.", err=True)
        return _RUNNING
    except (*REFUSALS, PortTaken, ValueError) as error:
        typer.secho(f"\n{error}", fg="red", err=True)
        return _FAILED
    finally:
        stopping.cancel()


async def _bring_up(parts: Sequence[str], when_up: WhenUp | None) -> int:
    say = _teller()
    options = load_options()
    _check_port(options, parts)
    infrastructure = [name for name in parts if name in INFRASTRUCTURE]
    async with EmbeddedStack(options, infrastructure, say) as stack:
        application = Application(stack, say, [name for name in parts if name in APPLICATION])
        try:
            await application.start()
            stack.home.write_state(up=True, **_addresses(stack, application, parts))
            say("up")
            if when_up is not None:
                return await when_up(Connection(application.api_url, application.api_key))
            _show_links(options, stack.home)
            return await asyncio.Future()
        finally:
            say("draining and stopping")


class PortTaken(Exception):
    """The API's port belongs to another program."""


def _check_port(options: EmbeddedOptions, parts: Sequence[str]) -> None:
    """Before anything is started, but after an `up` of this very home was ruled out."""
    holder = Home(options.home).holder()
    if holder is not None:
        raise AlreadyRunning(f"Herald runs already in {options.home} (process {holder})")
    if "api" in parts and options.port and not is_free(options.port):
        raise PortTaken(
            f"Port {options.port} is taken by another program: choose one with HERALD_PORT "
            "(0 lets Herald choose)."
        )


def _addresses(
    stack: EmbeddedStack, application: Application, parts: Sequence[str]
) -> dict[str, object]:
    """Where everything answers, as `status --json` prints it."""
    api = application.api_url if "api" in parts else None
    sandbox = application.sandbox_url or None
    return {
        "api": api,
        "temporal": {
            "address": stack.temporal_address or None,
            "namespace": stack.namespace,
            "ui": stack.temporal_ui_url,
        },
        "database": stack.database_url or None,
        "redis": stack.redis_url or None,
        "sandbox": sandbox,
        "outbox": sandbox and f"{sandbox}/outbox",
        "dashboard": api and f"{api}/dashboard",
    }


def _teller() -> Callable[[str], None]:
    started = time.monotonic()

    def say(text: str) -> None:
        with contextlib.suppress(OSError):  # nobody reads any more: go on all the same
            typer.echo(f"[{time.monotonic() - started:5.1f} s] {text}")

    return say


def _show_links(options: EmbeddedOptions, home: Home) -> None:
    shown = describe(options, home)
    rows = (
        ("API", shown["api"]),
        ("API docs", shown["api"] and f"{shown['api']}/docs"),
        ("Dashboard", shown["dashboard"]),
        ("Outbox", shown["outbox"]),
        ("Temporal", shown["temporal"]["ui"]),
        ("API key", f"in {home.path / 'secrets.json'}, or: ./herald status --json"),
    )
    with contextlib.suppress(OSError):
        typer.echo("")
        for name, where in rows:
            if where:
                typer.echo(f"  {name:<10} {where}")
        typer.echo("")


def _leave(code: int) -> NoReturn:
    """At once: the SDK's threads may outlive the interpreter's teardown and crash it."""
    with contextlib.suppress(OSError):
        sys.stdout.flush()
        sys.stderr.flush()
    os._exit(code)
