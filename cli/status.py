"""`status` and `down`: what a running `up` wrote into the home, checked against the machine."""

import json
import os
import signal
import time
from typing import Any

import typer

from runtime.embedded.home import AlreadyRunning, Home
from runtime.embedded.options import EmbeddedOptions

STOP_WITHIN = 25.0


def _home() -> Home:
    return Home(EmbeddedOptions.from_environment(os.environ).home)


def _is_up(home: Home) -> bool:
    """Whether a living process holds the home."""
    if not (home.path / "lock").exists():
        return False
    try:
        home.lock()
    except AlreadyRunning:
        return bool(home.read_state().get("up"))
    home.unlock()
    return False


def describe(home: Home) -> dict[str, Any]:
    """The shape `status --json` prints."""
    state = home.read_state()
    return {
        "api": state.get("api"),
        "temporal": state.get("temporal"),
        "database": state.get("database"),
        "redis": state.get("redis"),
        "sandbox": state.get("sandbox"),
        "outbox": state.get("outbox"),
        "dashboard": state.get("dashboard"),
        "apiKey": home.secrets(os.environ)["HERALD_API_KEY"],
        "processes": [{"name": name, "pid": pid} for name, pid in state.get("pids", {}).items()],
    }


def show(*, as_json: bool) -> None:
    home = _home()
    if not _is_up(home):
        typer.echo(json.dumps({"api": None, "processes": []}) if as_json else "Herald is not up.")
        raise typer.Exit(1)
    described = describe(home)
    if as_json:
        typer.echo(json.dumps(described, indent=2))
        return
    for name in ("api", "dashboard", "outbox", "sandbox"):
        typer.echo(f"{name:<12} {described[name]}")
    typer.echo(f"{'temporal':<12} {described['temporal']['ui']}")
    for process in described["processes"]:
        typer.echo(f"  {process['name']:<18} {process['pid']}")


def down() -> None:
    """Exit 1 when nothing ran, or when it would not stop."""
    home = _home()
    if not _is_up(home):
        typer.echo("Herald is not up.")
        raise typer.Exit(1)
    os.kill(home.read_state()["pid"], signal.SIGTERM)
    deadline = time.monotonic() + STOP_WITHIN
    while _held(home):
        if time.monotonic() > deadline:
            typer.secho("It did not stop in time.", fg="red", err=True)
            raise typer.Exit(1)
        time.sleep(0.1)
    typer.echo("Stopped.")


def _held(home: Home) -> bool:
    try:
        home.lock()
    except AlreadyRunning:
        return True
    home.unlock()
    return False
