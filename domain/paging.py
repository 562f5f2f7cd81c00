"""Keyset pages: an opaque cursor names the last row seen, so that pages never shift."""

import base64
import binascii
from dataclasses import dataclass
from datetime import datetime
from typing import Generic, TypeVar

from domain.errors import FieldError, Invalid

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Cursor:
    """The sort key of the last row seen: an instant and a tie-breaking id."""

    at: datetime
    id: str

    def encode(self) -> str:
        raw = f"{self.at.isoformat()}|{self.id}"
        return base64.urlsafe_b64encode(raw.encode()).decode().rstrip("=")

    @staticmethod
    def decode(text: str) -> "Cursor":
        """Raises `Invalid("invalid_cursor")` for anything `encode` did not make."""
        try:
            raw = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)).decode()
            at, _, row_id = raw.partition("|")
            moment = datetime.fromisoformat(at)
            if moment.tzinfo is None or not row_id or "\x00" in row_id:
                raise ValueError(raw)
        except (ValueError, binascii.Error) as error:
            problem = FieldError("cursor", "invalid_cursor", "Not a cursor Herald gave out.")
            raise Invalid("invalid_cursor", problem.detail, errors=(problem,)) from error
        return Cursor(moment, row_id)


@dataclass(frozen=True, slots=True)
class PageRequest:
    limit: int = 50
    cursor: Cursor | None = None


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    items: tuple[T, ...]
    next_cursor: Cursor | None = None
