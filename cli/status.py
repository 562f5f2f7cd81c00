"""`status` and `down`: what a running `up` wrote into the home, checked against the machine."""

import json
import os
import signal
import time

import typer

from cli.connection import describe, load_options
from runtime.embedded.home import Home

_STOP_WITHIN = 25.0
_ROWS = ("api", "dashboard", "outbox", "sandbox", "database", "redis")


def show(*, as_json: bool) -> None:
    """Exit 1 when nothing is up. With JSON the shape is the same, up or not."""
    options = load_options()
    home = Home(options.home)
    holder = home.holder()
    up = holder is not None and bool(home.read_state().get("up"))
    shown = describe(options, home)
    if as_json:
        typer.echo(json.dumps(shown, indent=2))
    elif up:
        for name in _ROWS:
            typer.echo(f"{name:<12} {shown[name]}")
        temporal = shown["temporal"]
        typer.echo(f"{'temporal':<12} {temporal['address']}, namespace {temporal['namespace']}")
        typer.echo(f"{'temporal-ui':<12} {temporal['ui']}")
        for process in shown["processes"]:
            typer.echo(f"  {process['name']:<18} {process['pid']}")
    elif holder is not None:
        typer.echo(f"Herald is starting or stopping (process {holder}).")
    else:
        typer.echo("Herald is not up: ./herald up starts it.")
    if not up:
        raise typer.Exit(1)


def down() -> None:
    """Exit 1 when it would not stop."""
    home = Home(load_options().home)
    holder = home.holder()
    if holder is None:
        typer.echo("Herald is not up.")
        return
    os.kill(holder, signal.SIGTERM)
    deadline = time.monotonic() + _STOP_WITHIN
    while home.holder() == holder:
        if time.monotonic() > deadline:
            typer.secho(f"Process {holder} did not stop in time.", fg="red", err=True)
            raise typer.Exit(1)
        time.sleep(0.1)
    typer.echo("Stopped.")
