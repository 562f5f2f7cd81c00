"""How a campaign is cut into work: partitions for workflows, chunks for activities."""

from collections.abc import Iterable, Iterator
from typing import Final

from domain.campaigns.messages import Partition
from domain.ports.campaigns import Bucket

CHUNK: Final = 1000
"""Recipients of one activity: ten calls, all at once, of a vendor that takes a hundred messages in
one. An activity costs Temporal 20 ms of CPU, whatever it does."""
MOST_PARTITIONS: Final = 200
LEAST_PARTITION: Final = 10 * CHUNK


def partitions_of(buckets: Iterable[Bucket]) -> tuple[Partition, ...]:
    """Cuts each bucket into partitions of whole chunks, about `MOST_PARTITIONS` in all."""
    found = list(buckets)
    total = sum(bucket.high - bucket.low + 1 for bucket in found)
    size = max(LEAST_PARTITION, -(-total // MOST_PARTITIONS))
    size = -(-size // CHUNK) * CHUNK
    return tuple(
        Partition(low=low, high=high, due_at=bucket.due_at, tested=bucket.tested)
        for bucket in found
        for low, high in _cut(bucket.low, bucket.high, size)
    )


def chunks_of(low: int, high: int, size: int) -> Iterator[tuple[int, int]]:
    return _cut(low, high, size)


def _cut(low: int, high: int, size: int) -> Iterator[tuple[int, int]]:
    for first in range(low, high + 1, size):
        yield first, min(first + size - 1, high)
