"""This machine's Herald as the commands see it: its options, its home, and where it answers."""

import os
from dataclasses import dataclass
from typing import Any

from dotenv import dotenv_values

from runtime.embedded.home import Home
from runtime.embedded.leftovers import birth
from runtime.embedded.options import REPOSITORY, EmbeddedOptions


@dataclass(frozen=True, slots=True)
class Connection:
    """How a client reaches the API."""

    base_url: str
    api_key: str


def load_options() -> EmbeddedOptions:
    """From the environment and, beneath it, `.env`. Raises `ValueError` for a bad value."""
    kept = {name: value for name, value in dotenv_values(REPOSITORY / ".env").items() if value}
    return EmbeddedOptions.from_environment(kept | os.environ)


def connect() -> Connection:
    """A running `up` of this home, else HERALD_PORT on this machine."""
    options = load_options()
    home = Home(options.home)
    running = home.read_state().get("api") if home.holder() else None
    key = options.environment.get("HERALD_API_KEY")
    if not key and (options.home / "secrets.json").exists():
        key = home.secrets({})["HERALD_API_KEY"]
    return Connection(running or f"http://127.0.0.1:{options.port}", key or "")


def describe(options: EmbeddedOptions, home: Home) -> dict[str, Any]:
    """The shape `status --json` prints; what does not run is null."""
    state = home.read_state()
    alive = {
        name: entry["pid"]
        for name, entry in state.get("processes", {}).items()
        if entry["born"] is None or birth(entry["pid"]) == entry["born"]
    }
    return {
        "api": state.get("api"),
        "temporal": state.get("temporal") or {"address": None, "namespace": None, "ui": None},
        **{name: state.get(name) for name in ("database", "redis", "sandbox", "outbox")},
        "dashboard": state.get("dashboard"),
        "apiKey": home.secrets(options.environment)["HERALD_API_KEY"] if state else None,
        "processes": [{"name": name, "pid": pid} for name, pid in alive.items()],
    }
