"""What the embedded parts are told: where to live, and which of them the user brings along."""

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from domain.ids import (
    BULK_QUEUE,
    CAMPAIGNS_QUEUE,
    DELIVERY_QUEUES,
    MAINTENANCE_QUEUE,
    NOTIFICATIONS_QUEUE,
)

REPOSITORY = Path(__file__).resolve().parents[2]

WORKERS: Mapping[str, Sequence[str]] = {
    "worker-workflows": (NOTIFICATIONS_QUEUE, MAINTENANCE_QUEUE),
    "worker-delivery": tuple(DELIVERY_QUEUES.values()),
    "worker-campaigns": (CAMPAIGNS_QUEUE, BULK_QUEUE),
}
"""Process → the queues it serves. One interpreter fills one core at the most."""


@dataclass(frozen=True, slots=True)
class EmbeddedOptions:
    """`database_url`, `redis_url` and `temporal_address` name servers to use instead of ours."""

    home: Path
    port: int = 8000
    """The API's; 0 takes a free one and remembers it."""
    database_url: str | None = None
    redis_url: str | None = None
    temporal_address: str | None = None
    durable: bool = True
    """False gives up crash safety of the database for speed: tests that kill nothing."""
    keep: bool = True
    """False removes the home when the stack ends."""
    environment: Mapping[str, str] = field(default_factory=dict)
    """What the children inherit, and where PATH and the cache folder are looked up."""
    workers: Mapping[str, Sequence[str]] = field(default_factory=lambda: WORKERS)
    repository: Path = REPOSITORY
    python: str = sys.executable

    @staticmethod
    def from_environment(environ: Mapping[str, str]) -> "EmbeddedOptions":
        """Reads HERALD_HOME, HERALD_PORT, DATABASE_URL, REDIS_URL, TEMPORAL_ADDRESS.

        Raises `ValueError` for a port that is none.
        """
        text = environ.get("HERALD_PORT") or "8000"
        if not text.isascii() or not text.isdigit() or int(text) > 65_535:
            raise ValueError(f"HERALD_PORT: {text!r} is no port (0 to 65535)")
        return EmbeddedOptions(
            home=Path(environ.get("HERALD_HOME") or REPOSITORY / ".herald").expanduser().absolute(),
            port=int(text),
            database_url=environ.get("DATABASE_URL") or None,
            redis_url=environ.get("REDIS_URL") or None,
            temporal_address=environ.get("TEMPORAL_ADDRESS") or None,
            environment=dict(environ),
        )
