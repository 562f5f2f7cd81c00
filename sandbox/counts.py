"""Counting what arrived, by recipient and content, with no more memory for a million messages than
for a thousand: a row of digests is appended for each recipient of a message, and the rows are
sorted and counted when somebody asks.

Kept in every mode, so that switching modes never loses a count. A replaced push message leaves the
count, as it leaves the device.
"""

from collections.abc import Iterable, Sequence

from sandbox.journal import Journal
from sandbox.messages import Message

_COUNT = """
SELECT coalesce(sum(messages), 0), count(DISTINCT person),
    coalesce(sum(times = 1), 0), coalesce(sum(times > 1), 0)
FROM (
    SELECT person, count(*) AS times, sum(first) AS messages FROM arrivals
    WHERE provider = coalesce(?, provider) GROUP BY person, content
)
"""


class Tally:
    """What every message left in the count; nothing but 64-bit digests, so no addresses."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal

    def add(self, messages: Sequence[Message]) -> None:
        """Count them, within the caller's transaction."""
        self._insert(message for message in messages if message.collapse is None)
        for message in messages:
            if message.collapse is not None:
                self._journal.db.execute("DELETE FROM arrivals WHERE slot = ?", (message.slot(),))
                self._insert([message])

    def clear(self) -> None:
        self._journal.db.execute("DELETE FROM arrivals")

    async def counts(self, provider: str | None) -> dict[str, int]:
        """The shape of `GET /counts`, of one provider or of all together."""
        [(messages, recipients, once, more)] = await self._journal.ask(_COUNT, (provider,))
        return {"messages": messages, "recipients": recipients, "once": once, "twiceOrMore": more}

    def _insert(self, messages: Iterable[Message]) -> None:
        rows = []
        for message in messages:
            people, content = message.digests()
            slot = message.slot()
            for place, person in enumerate(people):
                rows.append((message.provider, person, content, place == 0, slot))
        self._journal.db.executemany("INSERT INTO arrivals VALUES (?, ?, ?, ?, ?)", rows)
