"""Pages of two streams: whatever their instants, and whatever grows meanwhile, each row once."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.announcements.shapes import Standing
from domain.interleave import BELOW, Place, interleave, parse_place
from domain.paging import Cursor
from domain.records.inbox import InboxItem

START = datetime(2026, 12, 1, tzinfo=UTC)
instants = st.integers(0, 12).map(lambda n: START + timedelta(minutes=n))
Row = InboxItem | Standing


def items_of(arrived: list[datetime]) -> list[InboxItem]:
    """By falling seq; their instants need not fall."""
    numbered = [InboxItem(seq, None, at) for seq, at in enumerate(arrived, 1)]  # type: ignore[arg-type]
    return numbered[::-1]


def notices_of(starts: list[datetime], first: int = 1) -> list[Standing]:
    notices = [Standing(UUID(int=n), at, n) for n, at in enumerate(starts, first)]
    return sorted(notices, key=lambda n: (n.starts_at, n.id), reverse=True)


def page(
    items: list[InboxItem], notices: list[Standing], limit: int, place: Place | None
) -> tuple[list[Row], Place | None]:
    own = [item for item in items if not place or not place.seq or item.seq < place.seq]
    rows, after = interleave(own[: limit + 1], notices, limit, place)
    # A place survives being handed to a client.
    return rows, Place.of(Cursor.decode(after.cursor().encode())) if after else None


@given(st.lists(instants, max_size=10), st.lists(instants, max_size=6), st.integers(1, 7))
def test_every_row_comes_once_in_the_order_of_its_stream(
    arrived: list[datetime], starts: list[datetime], limit: int
) -> None:
    items, notices = items_of(arrived), notices_of(starts)
    seen: list[Row] = []
    place: Place | None = None
    while True:
        rows, place = page(items, notices, limit, place)
        assert len(rows) == limit or place is None
        seen += rows
        if place is None:
            break
    assert [row for row in seen if isinstance(row, InboxItem)] == items
    assert [row for row in seen if isinstance(row, Standing)] == notices
    whole, _ = interleave(items, notices, 100, None)
    assert seen == whole


@given(st.lists(instants, min_size=1, max_size=8), st.lists(instants, max_size=5),
       st.lists(instants, max_size=3), st.integers(1, 4), st.data())  # fmt: skip
def test_what_comes_and_goes_between_pages_costs_the_others_nothing(
    arrived: list[datetime],
    starts: list[datetime],
    late: list[datetime],
    limit: int,
    data: st.DataObject,
) -> None:
    items, notices = items_of(arrived), notices_of(starts)
    seen, place = page(items, notices, limit, None)
    gone = data.draw(st.sets(st.sampled_from(notices))) if notices else set()
    now = [n for n in notices if n not in gone]
    now = sorted(now + notices_of(late, 100), key=lambda n: (n.starts_at, n.id), reverse=True)
    more = items_of([*arrived, START])[:1] + items
    while place is not None:
        rows, place = page(more, now, limit, place)
        seen += rows
    assert len(seen) == len({id(row) for row in seen})
    assert [row for row in seen if row in items] == items
    kept = [n for n in notices if n not in gone]
    assert [row for row in seen if row in kept] == kept


@given(st.lists(instants, max_size=8), st.lists(instants, max_size=6))
def test_an_announcement_stands_before_what_arrived_earlier(
    arrived: list[datetime], starts: list[datetime]
) -> None:
    items, notices = items_of(sorted(arrived)), notices_of(starts)
    rows, place = interleave(items, notices, 100, None)
    assert place is None
    at = [row.at if isinstance(row, InboxItem) else row.starts_at for row in rows]
    assert at == sorted(at, reverse=True)


def test_a_bare_number_is_the_place_after_an_item() -> None:
    assert parse_place("12") == (12, BELOW)
    assert parse_place(f"0.{UUID(int=5)}") == (0, UUID(int=5))


@pytest.mark.parametrize("text", ["", ".", "x", "-1", "1.x", "²", "1" * 19, "1.2.3"])
def test_what_is_no_place_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        parse_place(text)
