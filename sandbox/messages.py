"""A message as a vendor took it: one record shape for every channel."""

from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256
from typing import Any, Self

import orjson
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

_TAGS = AESGCM(bytes(16))
_NONCE = bytes(12)


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
    content: bytes | None = None
    """Digest of its content, where the vendor has made it already."""

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

    def digests(self) -> tuple[list[int], int]:
        """64 bits for each recipient, and for the content."""
        content = self.content or self._digest_content()
        people = [_short(f"{self.provider}\x00{to.lower()}".encode()) for to in self.to]
        return people, _integer(content)

    def slot(self) -> int | None:
        """Digest of the place on the recipient's device, None when nothing can replace it."""
        if self.collapse is None:
            return None
        return _short(f"{self.provider}\x00{self.to[0]}\x00{self.collapse}".encode())

    def _digest_content(self) -> bytes:
        """A message without anything to read is told apart by its payload."""
        if self.subject or self.text or self.html:
            return digest_content(self.subject, self.text, self.html)
        return sha256(orjson.dumps(self.payload, option=orjson.OPT_SORT_KEYS)).digest()


def digest_content(subject: str | None, text: str | None, html: str | None) -> bytes:
    """16 bytes for what a person reads.

    It is AES-GCM's tag, which takes a fifth of SHA-256's time. Two contents have the same one by a
    chance of less than 1 in 2^100, and nobody here chooses contents so that they do.
    """
    content = "\x00".join((subject or "", text or "", html or "")).encode()
    return _TAGS.encrypt(_NONCE, b"", content)


def _short(name: bytes) -> int:
    return _integer(sha256(name).digest())


def _integer(digest: bytes) -> int:
    """As much of it as an integer of the database holds."""
    return int.from_bytes(digest[:8], signed=True)
