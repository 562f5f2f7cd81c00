"""What keeps the tables in shape."""

from typing import Protocol


class UpkeepRepository(Protocol):
    async def make_partitions(self, months_ahead: int) -> None:
        """Of the tables with one for each month; those there are stay."""

    async def refresh_summary(self) -> None:
        """Readers see the earlier one meanwhile."""
