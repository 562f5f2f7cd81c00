"""Counting what arrived: one number per recipient and content, cheap enough for a million messages.

Kept in every mode, so that switching modes never loses a count. A replaced push message leaves the
count, as it leaves the device.
"""

from collections.abc import Iterable


class Tally:
    """Counts of one provider; everything is 64-bit digests, so memory does not hold addresses."""

    __slots__ = ("_once", "_pairs", "_people", "_slots", "messages")

    def __init__(self) -> None:
        self.messages = 0
        self._once = 0
        self._pairs: dict[int, int] = {}
        self._people: set[int] = set()
        self._slots: dict[int, int] = {}

    def add(self, pairs: Iterable[tuple[int, int]], slot: int | None) -> None:
        """Count one message: its (recipient, recipient with content) pairs, its slot if any."""
        self.messages += 1
        last = 0
        for person, pair in pairs:
            self._people.add(person)
            seen = self._pairs.get(pair, 0) + 1
            self._pairs[pair] = seen
            self._once += 1 if seen == 1 else -1 if seen == 2 else 0
            last = pair
        if slot is not None:
            shown = self._slots.get(slot)
            self._slots[slot] = last
            if shown is not None:
                self._take_back(shown)

    def _take_back(self, pair: int) -> None:
        self.messages -= 1
        left = self._pairs[pair] - 1
        if left:
            self._pairs[pair] = left
        else:
            del self._pairs[pair]
        self._once += 1 if left == 1 else -1 if left == 0 else 0

    @property
    def recipients(self) -> int:
        """Distinct recipients."""
        return len(self._people)

    @property
    def once(self) -> int:
        """(recipient, content) pairs that arrived exactly once."""
        return self._once

    @property
    def twice_or_more(self) -> int:
        """(recipient, content) pairs that arrived more than once: duplicates."""
        return len(self._pairs) - self._once
