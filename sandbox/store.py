"""What the vendors remember: messages, counts, idempotency keys and opt-outs.

All of it survives a restart when the sandbox has a data folder. Messages and what the vendor itself
remembers are apart: clearing the messages leaves keys and opt-outs, as emptying an inbox does not
make a vendor forget what it has taken.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Any, Literal

from sandbox.counts import Tally
from sandbox.journal import Journal
from sandbox.keys import KEY_MEMORY, KeyRecord, Keys
from sandbox.messages import Message

Keep = Literal["all", "counts"]


class Store:
    """The sandbox's memory. Not thread-safe: one event loop owns it."""

    def __init__(
        self, journal: Journal, now: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self._journal = journal
        self._tally = Tally(journal)
        self._keys = Keys(journal)
        self.now = now
        self.keep: Keep = "all"
        self.revision = 0
        """Grows with every change, for pages that poll."""
        self._messages: dict[tuple[str, str], Message] = {}
        self._addressed: dict[tuple[str, str], dict[str, Message]] = {}
        self._slots: dict[int, Message] = {}
        self._only_counted: set[str] = set()
        self._opt_outs: set[tuple[str, str, str]] = set()
        for entry in journal.load():
            self._replay[entry["kind"]](self, entry)

    def take(self, messages: Sequence[Message], key: KeyRecord | None = None) -> None:
        """Keep accepted messages and the key they came with, in one write."""
        if self.keep == "all":
            for message in messages:
                self._file(message)
        with self._journal.transaction():
            self._tally.add(messages)
            if key is not None:
                self._keys.remember(key)
            if self.keep == "all":
                self._journal.append(message.entry() for message in messages)
            else:
                self._note_counted({message.provider for message in messages})
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
        self._write(
            {"kind": "status", "provider": message.provider, "id": message.id, "status": status}
        )
        self.revision += 1

    def recall(self, provider: str, key: str) -> KeyRecord | None:
        """The request a key was used for in the last 24 hours."""
        return self._keys.recall(provider, key, self.now())

    def opted_out(self, provider: str, sender: str, to: str) -> bool:
        return (provider, sender, to) in self._opt_outs

    def opt_outs(self, provider: str) -> list[str]:
        """Recipients who opted out of any sender of this provider's, in order."""
        return sorted({to for name, _, to in self._opt_outs if name == provider})

    def set_opt_out(self, provider: str, sender: str, to: str, *, out: bool) -> None:
        entry = {"kind": "opt_out", "provider": provider, "sender": sender, "to": to, "out": out}
        self._replay_opt_out(entry)
        self._write(entry)

    def set_keep(self, keep: Keep) -> None:
        """Change what is kept from now on; what is already kept stays."""
        self.keep = keep
        self._write({"kind": "mode", "keep": keep})
        self.revision += 1

    async def counts(self, provider: str | None = None) -> dict[str, int]:
        """The shape of `GET /counts`, of one provider or of all together."""
        return await self._tally.counts(provider)

    def only_counted(self, provider: str) -> bool:
        """True when messages of this provider were counted without being kept."""
        return provider in self._only_counted

    def forget_messages(self) -> None:
        """Drop messages and counts; the vendors' keys and opt-outs and the mode stay."""
        self._messages.clear()
        self._addressed.clear()
        self._slots.clear()
        self._only_counted.clear()
        with self._journal.transaction():
            self._tally.clear()
            self._keys.forget(self.now() - KEY_MEMORY)
            self._journal.clear()
            self._journal.append(self._standing_entries())
        self.revision += 1

    def forget_everything(self) -> None:
        """As on the first start: no messages, no keys, no opt-outs, mode `all`."""
        self._opt_outs.clear()
        self.keep = "all"
        with self._journal.transaction():
            self._keys.clear()
        self.forget_messages()

    def close(self) -> None:
        self._journal.close()

    def _write(self, entry: dict[str, Any]) -> None:
        with self._journal.transaction():
            self._journal.append([entry])

    def _note_counted(self, providers: set[str]) -> None:
        news = providers - self._only_counted
        self._only_counted |= news
        self._journal.append({"kind": "counted", "provider": provider} for provider in news)

    def _file(self, message: Message) -> None:
        slot = message.slot()
        if slot is not None:
            earlier = self._slots.get(slot)
            self._slots[slot] = message
            if earlier is not None:
                message.replaced = earlier.replaced + 1
                del self._messages[earlier.provider, earlier.id]
                for recipient in {recipient.lower() for recipient in earlier.to}:
                    del self._addressed[earlier.provider, recipient][earlier.id]
        self._messages[message.provider, message.id] = message
        for recipient in message.to:
            box = self._addressed.setdefault((message.provider, recipient.lower()), {})
            box[message.id] = message

    def _standing_entries(self) -> Iterator[dict[str, Any]]:
        yield {"kind": "mode", "keep": self.keep}
        for provider, sender, to in self._opt_outs:
            yield {"kind": "opt_out", "provider": provider, "sender": sender, "to": to, "out": True}

    def _replay_message(self, entry: dict[str, Any]) -> None:
        self._file(Message.from_entry(entry))

    def _replay_counted(self, entry: dict[str, Any]) -> None:
        self._only_counted.add(entry["provider"])

    def _replay_status(self, entry: dict[str, Any]) -> None:
        message = self.find(entry["provider"], entry["id"])
        if message is not None:
            message.status = entry["status"]

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
        "counted": _replay_counted,
        "status": _replay_status,
        "opt_out": _replay_opt_out,
        "mode": _replay_mode,
    }
