"""The file behind the store: an SQLite database, where a call and all it changes are one commit.

Every change is committed before the vendor's answer leaves, so a killed process has on file
whatever it acknowledged; what it was writing when it died is not there when the file is opened.
"""

import asyncio
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, closing
from pathlib import Path
from typing import Any

import orjson

_TABLES = """
CREATE TABLE IF NOT EXISTS entries (entry BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS keys (
    provider TEXT NOT NULL, key TEXT NOT NULL, fingerprint TEXT NOT NULL, answer BLOB NOT NULL,
    at REAL NOT NULL, PRIMARY KEY (provider, key)
);
CREATE INDEX IF NOT EXISTS keys_at ON keys (at);
CREATE TABLE IF NOT EXISTS arrivals (
    provider TEXT NOT NULL, person INTEGER NOT NULL, content INTEGER NOT NULL,
    first INTEGER NOT NULL, slot INTEGER
);
CREATE INDEX IF NOT EXISTS arrivals_slot ON arrivals (slot) WHERE slot IS NOT NULL;
"""


class Journal:
    """Entries in the order they happened, and the tables that `Keys` and `Tally` write.

    With no folder it is a nameless temporary file, gone with the process.
    """

    def __init__(self, data_dir: Path | None) -> None:
        self._path = data_dir / "sandbox.sqlite" if data_dir else None
        if self._path:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._path.touch(mode=0o600)
        self.db = sqlite3.connect(self._path or "")
        # A write-ahead log lets `ask` read meanwhile; nothing here has to survive a power cut.
        self.db.execute(f"PRAGMA journal_mode = {'WAL' if self._path else 'MEMORY'}")
        self.db.execute("PRAGMA synchronous = OFF")
        self.db.executescript(_TABLES)

    def transaction(self) -> AbstractContextManager[Any]:
        """What is written within is committed at its end, or rolled back by an exception."""
        return self.db

    async def ask(self, query: str, values: Sequence[Any]) -> list[Any]:
        """The rows of a long query, which holds up nobody where there is a file."""
        if self._path is None:
            return self.db.execute(query, values).fetchall()
        return await asyncio.to_thread(_ask, self._path, query, values)

    def load(self) -> Iterator[dict[str, Any]]:
        """Every entry on file."""
        for (entry,) in self.db.execute("SELECT entry FROM entries ORDER BY rowid"):
            yield orjson.loads(entry)

    def append(self, entries: Iterable[dict[str, Any]]) -> None:
        rows = ((orjson.dumps(entry),) for entry in entries)
        self.db.executemany("INSERT INTO entries VALUES (?)", rows)

    def clear(self) -> None:
        """Drop every entry."""
        self.db.execute("DELETE FROM entries")

    def close(self) -> None:
        self.db.close()


def _ask(path: Path, query: str, values: Sequence[Any]) -> list[Any]:
    with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)) as db:
        return db.execute(query, values).fetchall()
