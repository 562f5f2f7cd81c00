"""Phone numbers as people write them, made into the form providers take."""

from typing import Protocol


class PhoneFormatter(Protocol):
    def __call__(self, number: str, country: str | None = None, *, field: str = "phone") -> str:
        """`0171 2345678` with `DE` → `+491712345678`; a number with `+` needs no country.
        Raises `Invalid("invalid_phone")`, naming `field`, for what no telephone could have."""


class PhoneCountry(Protocol):
    def __call__(self, number: str) -> str | None:
        """The ISO 3166-1 alpha-2 country of an E.164 number; None when it has none."""
