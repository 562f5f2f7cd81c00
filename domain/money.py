"""Amounts of money."""

from dataclasses import dataclass
from decimal import Decimal


@dataclass(frozen=True, slots=True)
class Money:
    """An amount in minor units (cents), which may have a fraction, as SMS prices do."""

    minor: Decimal
    currency: str
    """ISO 4217."""
