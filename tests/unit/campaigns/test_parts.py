"""Cutting a campaign into work: every recipient in exactly one chunk of one partition."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

from hypothesis import given, settings
from hypothesis import strategies as st

from domain.campaigns.ids import recipient_id
from domain.campaigns.parts import (
    CHUNK,
    LEAST_PARTITION,
    MOST_PARTITIONS,
    chunks_of,
    partitions_of,
)
from domain.ports.campaigns import Bucket

START = datetime(2026, 12, 1, tzinfo=UTC)
SIZES = st.lists(st.integers(1, 3_000_000), max_size=30)


def buckets_of(sizes: list[int]) -> list[Bucket]:
    found, low = [], 0
    for number, size in enumerate(sizes):
        due = START + timedelta(hours=number) if number else None
        found.append(Bucket(due, low, low + size - 1, number % 2 == 0))
        low += size
    return found


@given(SIZES)
def test_partitions_cover_every_ordinal_once_and_in_order(sizes: list[int]) -> None:
    buckets = buckets_of(sizes)
    parts = partitions_of(buckets)
    edge = 0
    for part in parts:
        assert part.low == edge
        assert part.high >= part.low
        edge = part.high + 1
    assert edge == sum(sizes)


@given(SIZES)
def test_a_partition_lies_in_one_bucket_and_they_are_few(sizes: list[int]) -> None:
    buckets = buckets_of(sizes)
    parts = partitions_of(buckets)
    assert len(parts) <= MOST_PARTITIONS + len(buckets)
    for part in parts:
        [home] = [b for b in buckets if b.low <= part.low <= b.high]
        assert part.high <= home.high
        assert (part.due_at, part.tested) == (home.due_at, home.tested)
        whole = part.high == home.high or (part.high - part.low + 1) % CHUNK == 0
        assert whole, "chunks of one partition never reach into the next"
        assert part.high == home.high or part.high - part.low + 1 >= LEAST_PARTITION


@settings(max_examples=200)
@given(st.integers(0, 10_000_000), st.integers(1, 100_000))
def test_chunks_cover_a_partition_once(low: int, size: int) -> None:
    high = low + size - 1
    edge = low
    for first, last in chunks_of(low, high, CHUNK):
        assert first == edge
        assert first <= last < first + CHUNK
        edge = last + 1
    assert edge == high + 1


def test_nothing_is_cut_into_nothing() -> None:
    assert partitions_of([]) == ()
    assert list(chunks_of(5, 4, CHUNK)) == []


@given(st.uuids(), st.integers(0, 2**31 - 1), st.integers(0, 2**31 - 1))
def test_a_message_has_one_name_and_no_other_has_it(campaign: UUID, one: int, two: int) -> None:
    assert recipient_id(campaign, one) == recipient_id(campaign, one)
    assert (recipient_id(campaign, one) == recipient_id(campaign, two)) is (one == two)
