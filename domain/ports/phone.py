"""Phone numbers as people write them, made into the form providers take."""

from typing import Protocol


class PhoneFormatter(Protocol):
    def e164(self, number: str, country: str | None) -> str:
        """`0171 2345678` with `DE` → `+491712345678`; a number with `+` needs no country.
        Raises `Invalid("invalid_phone")` for what no telephone could have."""
