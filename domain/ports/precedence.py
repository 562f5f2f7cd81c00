"""Who goes first on a machine that is busy."""

from typing import Protocol


class Precedence(Protocol):
    """Best effort: where it fails, nobody waits."""

    async def claim(self) -> None:
        """Something urgent is on its way: whoever can wait does, for a moment."""

    async def give_way(self) -> None:
        """Called between two steps of work that can wait. Returns at once while nothing urgent is
        on its way; after having waited it goes on for as long, whatever comes."""
