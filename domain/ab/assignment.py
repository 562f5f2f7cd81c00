"""Who gets which variant: a hash of the seed and the user, so that nothing need be remembered.

A number below 2³² comes from the first 32 bits of an MD5, which PostgreSQL computes alike
(`storage.ab.split`). "Is this user in the test?" and "which variant?" ask two independent
streams: enlarging the fraction keeps everybody who was in, with the variant they had.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from itertools import accumulate
from typing import Final

SPAN: Final = 2**32
"""How many hash values there are."""
MEMBERS: Final = "fraction"
VARIANTS: Final = "variant"


def hash_of(seed: str, user_id: str) -> int:
    """0 ≤ n < `SPAN`, the same for ever."""
    digest = hashlib.md5(f"{seed}:{user_id}".encode(), usedforsecurity=False).digest()
    return int.from_bytes(digest[:4], "big")


def stream(seed: str, name: str) -> str:
    """The seed of one of the independent questions asked of a test's seed."""
    return f"{seed}:{name}"


@dataclass(frozen=True, slots=True)
class Split:
    """A test's division of all users, in whole hash values, so that every place that computes it
    agrees to the last user."""

    seed: str
    threshold: int
    """Users whose `MEMBERS` hash is below are in the test."""
    bounds: tuple[int, ...]
    """Where the second and each later variant begins in the `VARIANTS` hashes."""

    @staticmethod
    def of(seed: str, weights: Sequence[float], fraction: float) -> "Split":
        """Raises `ValueError` unless there is a weight, all are above 0 and finite, and
        0 ≤ `fraction` ≤ 1."""
        if not 0 <= fraction <= 1:
            raise ValueError("the fraction lies between 0 and 1")
        return Split(seed, round(Fraction(fraction) * SPAN), _bounds(tuple(weights)))

    def is_member(self, user_id: str) -> bool:
        return hash_of(stream(self.seed, MEMBERS), user_id) < self.threshold

    def variant_of(self, user_id: str) -> int | None:
        """The index of the user's variant; None for one who is held out."""
        if not self.is_member(user_id):
            return None
        place = hash_of(stream(self.seed, VARIANTS), user_id)
        return sum(place >= bound for bound in self.bounds)


def assign(seed: str, user_id: str, weights: Sequence[float], fraction: float = 1.0) -> int | None:
    """The index of the user's variant, each with its share of `fraction` of all users; None for
    one who is held out. Raises `ValueError` as `Split.of` does."""
    return Split.of(seed, weights, fraction).variant_of(user_id)


@lru_cache(maxsize=256)
def _bounds(weights: tuple[float, ...]) -> tuple[int, ...]:
    if not weights or any(not 0 < weight < float("inf") for weight in weights):
        raise ValueError("every weight is a finite number above 0")
    sums = list(accumulate(Fraction(weight) for weight in weights))
    return tuple(round(upto / sums[-1] * SPAN) for upto in sums[:-1])
