"""A list of users as CSV: which column names them, and what is wrong with which line. Pure.

The first row is a header with a `userId` or an `email` column; comma, semicolon or tab separate,
as the header shows. A quote that does not close is refused as a whole, since nobody can say how
many rows it swallowed.
"""

import csv
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from itertools import chain
from typing import Final

from domain.errors import FieldError, Invalid

_USER_ID: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:@|-]{0,127}")
_SEPARATORS: Final = ",;\t"
_FIRST_ROWS: Final = 65_536
"""Characters a header may have."""


class ListColumn(StrEnum):
    """What names the users of a list."""

    USER_ID = "userId"
    EMAIL = "email"


@dataclass(frozen=True, slots=True)
class BadRow:
    line: int
    """Where the row begins; the header is line 1."""
    code: str
    detail: str


@dataclass(frozen=True, slots=True)
class GoodRow:
    line: int
    key: str
    """A user id, or a lower-case address."""


class CsvList:
    """Rows of an upload, read as they are asked for. Raises `Invalid` for what is no list of
    users: `csv_empty`, `csv_column_missing`, `csv_malformed`."""

    def __init__(self, lines: Iterable[str]) -> None:
        """`lines`: text whose undecodable bytes are lone surrogates."""
        rest = iter(lines)
        first = next(rest, "")
        if not first.strip() or len(first) > _FIRST_ROWS:
            raise _refused("csv_empty", "The file has no header row.")
        separator = max(_SEPARATORS, key=first.count)
        self._reader = csv.reader(chain([first], rest), delimiter=separator, strict=True)
        self.column, self._index = _column(self._next() or [])

    def rows(self) -> Iterator[GoodRow | BadRow]:
        while True:
            line = self._reader.line_num + 1
            cells = self._next()
            if cells is None:
                return
            if any(cell.strip() for cell in cells):
                yield self._row(line, cells)

    def _next(self) -> list[str] | None:
        before = self._reader.line_num
        try:
            return next(self._reader, None)
        except csv.Error as error:
            raise _refused("csv_malformed", f"The row at line {before + 1}: {error}.") from error

    def _row(self, line: int, cells: list[str]) -> GoodRow | BadRow:
        key = cells[self._index].strip() if self._index < len(cells) else ""
        if not key:
            return BadRow(line, "missing_value", f"There is no {self.column}.")
        if any("\ud800" <= letter <= "\udfff" for letter in key):
            return BadRow(line, "not_utf8", "The text is not UTF-8.")
        if self.column is ListColumn.EMAIL:
            return GoodRow(line, key.lower())
        if not _USER_ID.fullmatch(key):
            return BadRow(line, "invalid_user_id", "This cannot be a user's id.")
        return GoodRow(line, key)


def _column(header: list[str]) -> tuple[ListColumn, int]:
    names = [cell.strip().lower().replace("_", "") for cell in header]
    for column in ListColumn:
        if column.lower() in names:
            return column, names.index(column.lower())
    raise _refused("csv_column_missing", "The header names neither userId nor email.")


def _refused(code: str, detail: str) -> Invalid:
    return Invalid(code, detail, errors=(FieldError("body", code, detail),))
