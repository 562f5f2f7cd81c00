"""Idempotency keys as vendors remember them: for 24 hours, on file only."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson

from sandbox.journal import Journal

KEY_MEMORY = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class KeyRecord:
    """One idempotency key as its vendor remembers it."""

    provider: str
    key: str
    fingerprint: str
    """Digest of the request it came with."""
    answer: Any
    """The JSON answered the first time."""
    at: datetime


class Keys:
    """Every vendor's keys."""

    def __init__(self, journal: Journal) -> None:
        self._db = journal.db

    def remember(self, record: KeyRecord) -> None:
        """Keep it, and forget those that are too old, within the caller's transaction."""
        self.forget(record.at - KEY_MEMORY)
        answer, at = orjson.dumps(record.answer), record.at.timestamp()
        self._db.execute(
            "INSERT OR REPLACE INTO keys VALUES (?, ?, ?, ?, ?)",
            (record.provider, record.key, record.fingerprint, answer, at),
        )

    def recall(self, provider: str, key: str, now: datetime) -> KeyRecord | None:
        """The request the key was used for in the last 24 hours."""
        row = self._db.execute(
            "SELECT fingerprint, answer, at FROM keys WHERE provider = ? AND key = ? AND at > ?",
            (provider, key, (now - KEY_MEMORY).timestamp()),
        ).fetchone()
        if row is None:
            return None
        fingerprint, answer, at = row
        taken_at = datetime.fromtimestamp(at, UTC)
        return KeyRecord(provider, key, fingerprint, orjson.loads(answer), taken_at)

    def forget(self, until: datetime) -> None:
        self._db.execute("DELETE FROM keys WHERE at <= ?", (until.timestamp(),))

    def clear(self) -> None:
        self._db.execute("DELETE FROM keys")
