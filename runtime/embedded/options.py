"""What the embedded parts are told: where to live, and which of them the user brings along."""

import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]


@dataclass(frozen=True, slots=True)
class EmbeddedOptions:
    """`database_url`, `redis_url` and `temporal_address` name servers to use instead of ours."""

    home: Path
    port: int = 8000
    database_url: str | None = None
    redis_url: str | None = None
    temporal_address: str | None = None
    durable: bool = True
    """False gives up crash safety of the database for speed: tests that kill nothing."""
    environment: Mapping[str, str] = field(default_factory=dict)
    """What the children inherit."""
    repository: Path = REPOSITORY
    python: str = sys.executable

    @staticmethod
    def from_environment(environ: Mapping[str, str]) -> "EmbeddedOptions":
        """Reads HERALD_HOME, HERALD_PORT, DATABASE_URL, REDIS_URL, TEMPORAL_ADDRESS."""
        return EmbeddedOptions(
            home=Path(environ.get("HERALD_HOME") or REPOSITORY / ".herald").absolute(),
            port=int(environ.get("HERALD_PORT") or 8000),
            database_url=environ.get("DATABASE_URL") or None,
            redis_url=environ.get("REDIS_URL") or None,
            temporal_address=environ.get("TEMPORAL_ADDRESS") or None,
            environment=dict(environ),
        )
