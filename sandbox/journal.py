"""The append-only file behind the store: one JSON object per line.

Every append is one unbuffered write made before the vendor's answer leaves, so a killed process has
on file whatever it acknowledged. A torn last line (killed mid-write) was never acknowledged and is
cut off when the file is read.
"""

import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import orjson


class Journal:
    """Entries in the order they happened. With no folder it keeps nothing."""

    def __init__(self, data_dir: Path | None) -> None:
        self._path = data_dir / "sandbox.jsonl" if data_dir else None
        self._fd: int | None = None
        if self._path:
            self._path.parent.mkdir(parents=True, exist_ok=True)

    def load(self) -> Iterator[dict[str, Any]]:
        """Every whole entry on file. Call before the first append."""
        if self._path is None or not self._path.exists():
            return
        whole = 0
        with self._path.open("rb") as lines:
            for line in lines:
                if not line.endswith(b"\n"):
                    break
                whole += len(line)
                yield orjson.loads(line)
        os.truncate(self._path, whole)

    def append(self, entries: Iterable[dict[str, Any]]) -> None:
        if self._path is None:
            return
        if self._fd is None:
            self._fd = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        view = memoryview(b"".join(_line(entry) for entry in entries))
        while view:
            view = view[os.write(self._fd, view) :]

    def rewrite(self, entries: Iterable[dict[str, Any]]) -> None:
        """Put `entries` in the place of everything on file, in one rename."""
        if self._path is None:
            return
        self.close()
        fresh = self._path.with_suffix(".new")
        with fresh.open("wb") as lines:
            lines.writelines(_line(entry) for entry in entries)
        fresh.replace(self._path)

    def close(self) -> None:
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None


def _line(entry: dict[str, Any]) -> bytes:
    return orjson.dumps(entry, option=orjson.OPT_APPEND_NEWLINE)
