"""A message as a vendor took it: one record shape for every channel."""

from dataclasses import dataclass, field
from datetime import datetime
from hashlib import blake2b
from typing import Any, Self

import orjson


@dataclass(slots=True)
class Message:
    """What one accepted send call left behind."""

    provider: str
    id: str
    """The vendor's own id, as answered to the caller."""
    to: tuple[str, ...]
    """Bare addresses, numbers or tokens; several only for an email with several recipients."""
    received_at: datetime
    payload: dict[str, Any]
    """The vendor's request, as parsed from the wire."""
    subject: str | None = None
    text: str | None = None
    html: str | None = None
    idempotency_key: str | None = None
    status: str = "sent"
    """The vendor's word for what became of it; callbacks move it."""
    collapse: str | None = None
    """A later message with the same recipient and the same value takes this one's place."""
    replaced: int = 0
    """How many earlier messages this one took the place of."""
    facts: dict[str, Any] = field(default_factory=dict)
    """What the vendor remembers about it beyond the request (account, sender, …)."""

    def public(self) -> dict[str, Any]:
        """The shape of `GET /messages`."""
        return {
            "provider": self.provider,
            "id": self.id,
            "to": ", ".join(self.to),
            "subject": self.subject,
            "text": self.text,
            "html": self.html,
            "payload": self.payload,
            "idempotencyKey": self.idempotency_key,
            "receivedAt": self.received_at.isoformat(),
            "status": self.status,
            "replaced": self.replaced,
        }

    def entry(self) -> dict[str, Any]:
        """The journal's form, which `from_entry` reads back."""
        return {
            "kind": "message",
            "provider": self.provider,
            "id": self.id,
            "to": self.to,
            "receivedAt": self.received_at,
            "payload": self.payload,
            "subject": self.subject,
            "text": self.text,
            "html": self.html,
            "idempotencyKey": self.idempotency_key,
            "status": self.status,
            "collapse": self.collapse,
            "replaced": self.replaced,
            "facts": self.facts,
        }

    @classmethod
    def from_entry(cls, entry: dict[str, Any]) -> Self:
        return cls(
            provider=entry["provider"],
            id=entry["id"],
            to=tuple(entry["to"]),
            received_at=datetime.fromisoformat(entry["receivedAt"]),
            payload=entry["payload"],
            subject=entry["subject"],
            text=entry["text"],
            html=entry["html"],
            idempotency_key=entry["idempotencyKey"],
            status=entry["status"],
            collapse=entry["collapse"],
            replaced=entry["replaced"],
            facts=entry["facts"],
        )

    def digests(self) -> list[tuple[int, int]]:
        """Per recipient: (digest of the recipient, digest of the recipient with the content).

        The content is what a person reads (subject, text, html); a message without any of them is
        told apart by its payload.
        """
        parts = (self.subject, self.text, self.html)
        if any(parts):
            content = "\x00".join(part or "" for part in parts).encode()
        else:
            content = orjson.dumps(self.payload, option=orjson.OPT_SORT_KEYS)
        base = blake2b(content, digest_size=8)
        pairs = []
        for recipient in self.to:
            name = f"\x00{self.provider}\x00{recipient.lower()}".encode()
            pair = base.copy()
            pair.update(name)
            person = blake2b(name, digest_size=8).digest()
            pairs.append((int.from_bytes(person), int.from_bytes(pair.digest())))
        return pairs

    def slot(self) -> int | None:
        """Digest of the place on the recipient's device, None when nothing can replace it."""
        if self.collapse is None:
            return None
        name = f"{self.provider}\x00{self.to[0]}\x00{self.collapse}".encode()
        return int.from_bytes(blake2b(name, digest_size=8).digest())
