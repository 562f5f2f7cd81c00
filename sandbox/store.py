"""What the vendors remember: messages, counts, idempotency keys and opt-outs.

All of it survives a restart when the sandbox has a data folder. Messages and what the vendor itself
remembers are apart: clearing the messages leaves keys and opt-outs, as emptying an inbox does not
make a vendor forget what it has taken.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from sandbox.counts import Tally
from sandbox.journal import Journal
from sandbox.messages import Message

Keep = Literal["all", "counts"]
KEY_MEMORY = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class KeyRecord:
    """One idempotency key as its vendor remembers it."""

    provider: str
    key: str
    fingerprint: str
    """Digest of the request it came with."""
    answer: Any
    """The JSON answered the first time."""
    at: datetime

    def entry(self) -> dict[str, Any]:
        return {
            "kind": "key",
            "provider": self.provider,
            "key": self.key,
            "fingerprint": self.fingerprint,
            "answer": self.answer,
            "at": self.at,
        }


class Store:
    """The sandbox's memory. Not thread-safe: one event loop owns it."""

    def __init__(
        self, journal: Journal, now: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self._journal = journal
        self.now = now
        self.keep: Keep = "all"
        self.revision = 0
        """Grows with every change, for pages that poll."""
        self._messages: dict[tuple[str, str], Message] = {}
        self._addressed: dict[tuple[str, str], dict[str, Message]] = {}
        self._slots: dict[int, Message] = {}
        self._tallies: dict[str, Tally] = {}
        self._only_counted: set[str] = set()
        self._keys: dict[tuple[str, str], KeyRecord] = {}
        self._opt_outs: set[tuple[str, str, str]] = set()
        for entry in journal.load():
            self._replay[entry["kind"]](self, entry)

    def take(self, messages: Sequence[Message], key: KeyRecord | None = None) -> None:
        """Keep accepted messages and the key they came with, in one write."""
        entries: list[dict[str, Any]] = []
        for message in messages:
            pairs, slot = message.digests(), message.slot()
            if self.keep == "all":
                self._file(message, pairs, slot)
                entries.append(message.entry())
            else:
                self._tally(message.provider).add(pairs, slot)
                self._only_counted.add(message.provider)
                entries.append(
                    {"kind": "count", "provider": message.provider, "pairs": pairs, "slot": slot}
                )
        if key is not None:
            self._remember(key)
            entries.append(key.entry())
        self._journal.append(entries)
        self.revision += 1

    def find(self, provider: str, message_id: str) -> Message | None:
        return self._messages.get((provider, message_id))

    def select(
        self, provider: str | None = None, to: str | None = None, since: datetime | None = None
    ) -> Iterator[Message]:
        """Messages kept, oldest first; `to` is one whole recipient, `since` is inclusive."""
        if provider and to:
            chosen: Iterable[Message] = self.addressed(provider, to)
        else:
            chosen = self._messages.values()
        wanted = to.lower() if to else None
        for message in chosen:
            if provider and message.provider != provider:
                continue
            if since and message.received_at < since:
                continue
            if wanted and all(wanted != recipient.lower() for recipient in message.to):
                continue
            yield message

    def addressed(self, provider: str, to: str) -> list[Message]:
        """Messages of one provider to one recipient, oldest first."""
        return list(self._addressed.get((provider, to.lower()), {}).values())

    def newest(self) -> Iterator[Message]:
        return reversed(self._messages.values())

    def set_status(self, message: Message, status: str) -> None:
        message.status = status
        self._journal.append(
            [{"kind": "status", "provider": message.provider, "id": message.id, "status": status}]
        )
        self.revision += 1

    def recall(self, provider: str, key: str) -> KeyRecord | None:
        """The request a key was used for in the last 24 hours."""
        record = self._keys.get((provider, key))
        if record is None or self.now() - record.at >= KEY_MEMORY:
            return None
        return record

    def opted_out(self, provider: str, sender: str, to: str) -> bool:
        return (provider, sender, to) in self._opt_outs

    def opt_outs(self, provider: str) -> list[str]:
        """Recipients who opted out of any sender of this provider's, in order."""
        return sorted({to for name, _, to in self._opt_outs if name == provider})

    def set_opt_out(self, provider: str, sender: str, to: str, *, out: bool) -> None:
        entry = {"kind": "opt_out", "provider": provider, "sender": sender, "to": to, "out": out}
        self._replay_opt_out(entry)
        self._journal.append([entry])

    def set_keep(self, keep: Keep) -> None:
        """Change what is kept from now on; what is already kept stays."""
        self.keep = keep
        self._journal.append([{"kind": "mode", "keep": keep}])
        self.revision += 1

    def counts(self, provider: str | None = None) -> dict[str, int]:
        """The shape of `GET /counts`, of one provider or of all together."""
        tallies = [t for name, t in self._tallies.items() if provider in (None, name)]
        return {
            "messages": sum(tally.messages for tally in tallies),
            "recipients": sum(tally.recipients for tally in tallies),
            "once": sum(tally.once for tally in tallies),
            "twiceOrMore": sum(tally.twice_or_more for tally in tallies),
        }

    def only_counted(self, provider: str) -> bool:
        """True when messages of this provider were counted without being kept."""
        return provider in self._only_counted

    def forget_messages(self) -> None:
        """Drop messages and counts; the vendors' keys and opt-outs and the mode stay."""
        self._messages.clear()
        self._addressed.clear()
        self._slots.clear()
        self._tallies.clear()
        self._only_counted.clear()
        self._drop_old_keys()
        self._journal.rewrite(self._standing_entries())
        self.revision += 1

    def forget_everything(self) -> None:
        """As on the first start: no messages, no keys, no opt-outs, mode `all`."""
        self._keys.clear()
        self._opt_outs.clear()
        self.keep = "all"
        self.forget_messages()

    def close(self) -> None:
        self._journal.close()

    def _file(self, message: Message, pairs: list[tuple[int, int]], slot: int | None) -> None:
        if slot is not None:
            earlier = self._slots.get(slot)
            self._slots[slot] = message
            if earlier is not None:
                message.replaced = earlier.replaced + 1
                del self._messages[earlier.provider, earlier.id]
                for recipient in earlier.to:
                    del self._addressed[earlier.provider, recipient.lower()][earlier.id]
        self._messages[message.provider, message.id] = message
        for recipient in message.to:
            box = self._addressed.setdefault((message.provider, recipient.lower()), {})
            box[message.id] = message
        self._tally(message.provider).add(pairs, slot)

    def _tally(self, provider: str) -> Tally:
        tally = self._tallies.get(provider)
        if tally is None:
            tally = self._tallies[provider] = Tally()
        return tally

    def _remember(self, record: KeyRecord) -> None:
        self._keys.pop((record.provider, record.key), None)
        self._keys[record.provider, record.key] = record
        oldest = next(iter(self._keys.values()))
        if record.at - oldest.at >= KEY_MEMORY:
            del self._keys[oldest.provider, oldest.key]

    def _drop_old_keys(self) -> None:
        limit = self.now() - KEY_MEMORY
        self._keys = {name: record for name, record in self._keys.items() if record.at > limit}

    def _standing_entries(self) -> Iterator[dict[str, Any]]:
        yield {"kind": "mode", "keep": self.keep}
        for record in self._keys.values():
            yield record.entry()
        for provider, sender, to in self._opt_outs:
            yield {"kind": "opt_out", "provider": provider, "sender": sender, "to": to, "out": True}

    def _replay_message(self, entry: dict[str, Any]) -> None:
        message = Message.from_entry(entry)
        self._file(message, message.digests(), message.slot())

    def _replay_count(self, entry: dict[str, Any]) -> None:
        self._tally(entry["provider"]).add(((a, b) for a, b in entry["pairs"]), entry["slot"])
        self._only_counted.add(entry["provider"])

    def _replay_status(self, entry: dict[str, Any]) -> None:
        message = self.find(entry["provider"], entry["id"])
        if message is not None:
            message.status = entry["status"]

    def _replay_key(self, entry: dict[str, Any]) -> None:
        self._remember(
            KeyRecord(
                provider=entry["provider"],
                key=entry["key"],
                fingerprint=entry["fingerprint"],
                answer=entry["answer"],
                at=datetime.fromisoformat(entry["at"]),
            )
        )

    def _replay_opt_out(self, entry: dict[str, Any]) -> None:
        name = (entry["provider"], entry["sender"], entry["to"])
        if entry["out"]:
            self._opt_outs.add(name)
        else:
            self._opt_outs.discard(name)

    def _replay_mode(self, entry: dict[str, Any]) -> None:
        self.keep = entry["keep"]

    _replay: dict[str, Callable[["Store", dict[str, Any]], None]] = {  # noqa: RUF012
        "message": _replay_message,
        "count": _replay_count,
        "status": _replay_status,
        "key": _replay_key,
        "opt_out": _replay_opt_out,
        "mode": _replay_mode,
    }
