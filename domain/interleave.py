"""Two streams in one list: a user's own items by `seq`, and announcements by their start.

Each stream is read in its own order, so however the other one grows meanwhile, no page loses or
repeats anything: a place in the list is a place in both.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Self
from uuid import UUID

from domain.announcements.shapes import Standing
from domain.paging import Cursor
from domain.records.inbox import InboxItem

BELOW: Final = UUID(int=0)
"""Before every id: all announcements of that very instant were shown."""


@dataclass(frozen=True, slots=True)
class Place:
    """What was shown up to here."""

    seq: int
    """The last item's; 0 when none was."""
    at: datetime
    notice: UUID
    """With `at`: announcements that come after this key are still to be shown."""

    def cursor(self) -> Cursor:
        return Cursor(self.at, f"{self.seq}.{self.notice}")

    @classmethod
    def of(cls, cursor: Cursor) -> Self:
        seq, notice = parse_place(cursor.id)
        return cls(seq, cursor.at, notice)

    def leaves(self, notice: Standing) -> bool:
        """Whether the announcement is still to be shown."""
        return (notice.starts_at, notice.id) < (self.at, self.notice)


def parse_place(text: str) -> tuple[int, UUID]:
    """Raises `ValueError`. A bare number is the place after an item."""
    seq, _, notice = text.partition(".")
    if not (seq.isascii() and seq.isdigit()) or len(seq) > 18:
        raise ValueError("not a place in an inbox")
    return int(seq), UUID(notice) if notice else BELOW


def interleave(
    items: Sequence[InboxItem], notices: Sequence[Standing], limit: int, place: Place | None
) -> tuple[list[InboxItem | Standing], Place | None]:
    """The next rows, newest first, and the place after them; None when nothing is left.

    `items`: those after the place by falling `seq`, at least one more than `limit` if there are
    so many. `notices`: all that are shown, by falling (`starts_at`, `id`)."""
    left = [notice for notice in notices if place is None or place.leaves(notice)]
    rows: list[InboxItem | Standing] = []
    own = told = 0
    while len(rows) < limit and (own < len(items) or told < len(left)):
        if told < len(left) and (own == len(items) or left[told].starts_at >= items[own].at):
            rows.append(left[told])
            told += 1
        else:
            rows.append(items[own])
            own += 1
    if own == len(items) and told == len(left):
        return rows, None
    return rows, _after(items[:own], left[:told], place)


def _after(items: Sequence[InboxItem], notices: Sequence[Standing], place: Place | None) -> Place:
    """Every announcement at or above an item that was shown was shown before it."""
    keys = [(item.at, BELOW) for item in items]
    keys += [(notice.starts_at, notice.id) for notice in notices[-1:]]
    if place is not None:
        keys.append((place.at, place.notice))
    at, notice = min(keys)
    seq = items[-1].seq if items else place.seq if place else 0
    return Place(seq, at, notice)
