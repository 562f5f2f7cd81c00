"""Digests behind the real activities: items with their windows' ends, and what was made of them.

It keeps what the workflow builds on: an item is claimed once, and a digest asked for again by the
same user, key and instant is the one that was made.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from domain.digests.messages import FlushDigestInput, FlushDigestResult, HandOverInput
from domain.ids import derived_id


@dataclass
class Digests:
    """Stands where DigestService stands."""

    waiting: dict[str, list[datetime]] = field(default_factory=dict)
    """The windows' ends of what waits, by user."""
    made: dict[str, list[tuple[datetime, int]]] = field(default_factory=dict)
    """When, and of how many items, by user."""
    handed_over: list[UUID] = field(default_factory=list)
    lost_answers: dict[str, list[Exception]] = field(default_factory=dict)
    """What a flush fails with after it was done, by user."""
    known: dict[UUID, int] = field(default_factory=dict)

    def put(self, user: str, ends: Sequence[datetime]) -> None:
        self.waiting.setdefault(user, []).extend(ends)

    async def hand_over(self, command: HandOverInput) -> None:
        self.handed_over.append(command.notification_id)

    async def flush_due(self, command: FlushDigestInput) -> FlushDigestResult:
        digest = derived_id(command.window, command.user_id, command.flush)
        items = self.known.get(digest) or self._claim(command)
        if items:
            self.known[digest] = items
        if self.lost_answers.get(command.user_id):
            raise self.lost_answers[command.user_id].pop(0)
        return FlushDigestResult(
            digest_id=digest if items else None,
            items=items,
            next_ends_at=min(self.waiting.get(command.user_id, ()), default=None),
        )

    def _claim(self, command: FlushDigestInput) -> int:
        waiting = self.waiting.get(command.user_id, [])
        due = [end for end in waiting if command.everything or end <= command.at]
        self.waiting[command.user_id] = [end for end in waiting if end not in due]
        if due:
            self.made.setdefault(command.user_id, []).append((command.at, len(due)))
        return len(due)
