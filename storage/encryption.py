"""Encryption at rest: a key per user, wrapped by a master key that can be rotated.

Sealed text is `v1.` and base64 of nonce and ciphertext (AES-256-GCM). The associated data binds
it to its user and field, so that a value copied elsewhere does not open. Deleting a user's key
row makes everything sealed with it unreadable at once, in every process, wherever copies of it
lie: a key is believed only when its row came with the same transaction. What is remembered
between transactions is only the work of unwrapping.
"""

import base64
import os
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any, Final, TypeVar

import orjson
from cachetools import LRUCache
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from domain.ids import keyed_hash

_PREFIX: Final = "v1."
_NONCE: Final = 12
SYSTEM: Final = "\x00system"
"""The owner of what belongs to no user; no user id can be this."""
KEY_JOIN: Final = (
    "left join (select user_id as key_owner, wrapped_key, master_key_id from user_keys) k"
    " on k.key_owner ="
)
"""Adds a row's key to a query, so that reading what it sealed costs no second one."""

T = TypeVar("T")


class Sealer:
    """Seals and opens one owner's fields."""

    __slots__ = ("_cipher", "_owner", "wrapped")

    def __init__(self, key: bytes, owner: str, wrapped: bytes = b"") -> None:
        self._cipher = AESGCM(key)
        self._owner = owner
        self.wrapped = wrapped
        """The key as it is stored: a write names it to prove that it is still the user's."""

    def seal(self, field: str, text: str | None) -> str | None:
        if text is None:
            return None
        nonce = os.urandom(_NONCE)
        sealed = self._cipher.encrypt(nonce, text.encode(), f"{self._owner}\x1f{field}".encode())
        return _PREFIX + base64.b64encode(nonce + sealed).decode()

    def open(self, field: str, sealed: str | None) -> str | None:
        """None for what this key does not open: another key sealed it, and that key is gone."""
        if sealed is None or not sealed.startswith(_PREFIX):
            return None
        blob = base64.b64decode(sealed[len(_PREFIX) :])
        bound = f"{self._owner}\x1f{field}".encode()
        try:
            return self._cipher.decrypt(blob[:_NONCE], blob[_NONCE:], bound).decode()
        except InvalidTag:
            return None

    def seal_json(self, field: str, value: Any) -> str | None:
        return self.seal(field, orjson.dumps(value).decode()) if value is not None else None

    def open_json(self, field: str, sealed: str | None) -> Any:
        text = self.open(field, sealed)
        return orjson.loads(text) if text is not None else None


class KeyRing:
    """Makes, unwraps and remembers the users' keys."""

    def __init__(self, master_keys: Mapping[str, bytes], users: int = 100_000) -> None:
        """`master_keys`: id → 32 bytes, the current one first."""
        self._master = {name: AESGCM(key) for name, key in master_keys.items()}
        self._current = next(iter(master_keys))
        self._sealers: LRUCache[tuple[str, bytes], Sealer] = LRUCache(users)
        self._last_seen: LRUCache[str, Sealer] = LRUCache(users)
        root = next(reversed(dict(master_keys).values()))
        self.lookup_key = _derive(root, b"herald lookup hashes")
        self.system = Sealer(_derive(root, b"herald system records"), SYSTEM)

    def lookup(self, kind: str, value: str) -> str:
        """A keyed hash to find an address, number or token by, without storing it in the open."""
        return keyed_hash(self.lookup_key, kind, value)

    def new_key(self, user_id: str) -> tuple[bytes, str]:
        """A fresh data key, wrapped, and the id of the master key that wrapped it."""
        key = AESGCM.generate_key(256)
        nonce = os.urandom(_NONCE)
        wrapped = self._master[self._current].encrypt(nonce, key, user_id.encode())
        return nonce + wrapped, self._current

    def of(self, user_id: str, row: Any) -> Sealer | None:
        """The sealer of a row that came with `KEY_JOIN`; None when its user was erased."""
        wrapped: bytes | None = row["wrapped_key"]
        if wrapped is None:
            return None
        sealer = self._sealers.get((user_id, wrapped))
        if sealer is None:
            sealer = Sealer(self._unwrap(user_id, wrapped, row["master_key_id"]), user_id, wrapped)
            self._sealers[(user_id, wrapped)] = sealer
        self._last_seen[user_id] = sealer
        return sealer

    def passing(self, user_id: str, row: Any) -> Sealer | None:
        """As `of`, and forgotten again: for one of many who will not come back soon."""
        wrapped: bytes | None = row["wrapped_key"]
        if wrapped is None:
            return None
        return Sealer(self._unwrap(user_id, wrapped, row["master_key_id"]), user_id, wrapped)

    async def sealer(self, connection: Any, user_id: str, *, keep: bool = False) -> Sealer | None:
        """The user's sealer, or None when the user has no key: unknown, or erased. With `keep`
        nobody can erase the user until this transaction ends."""
        row = await connection.fetchrow(
            "select wrapped_key, master_key_id from user_keys where user_id = $1"
            + (" for key share" if keep else ""),
            user_id,
        )
        return self.of(user_id, row) if row else None

    async def sealers(self, connection: Any, user_ids: Iterable[str]) -> dict[str, Sealer]:
        """Sealers of all these users that have one, in one query."""
        rows = await connection.fetch(
            "select user_id, wrapped_key, master_key_id from user_keys"
            " where user_id = any($1::text[])",
            list(set(user_ids)),
        )
        found = {row["user_id"]: self.of(row["user_id"], row) for row in rows}
        return {user_id: sealer for user_id, sealer in found.items() if sealer is not None}

    async def write(
        self, connection: Any, user_id: str, attempt: Callable[[Sealer], Awaitable[T | None]]
    ) -> T | None:
        """Runs a write that seals, without asking for the key first when it was seen before.
        `attempt` writes only if `sealer.wrapped` is the user's key still, and answers None if
        not; it is then given the present key. None: the user has no key."""
        known = self._last_seen.get(user_id)
        if known is not None and (done := await attempt(known)) is not None:
            return done
        sealer = await self.sealer(connection, user_id)
        return await attempt(sealer) if sealer is not None else None

    def _unwrap(self, user_id: str, wrapped: bytes, master_key_id: str) -> bytes:
        master = self._master.get(master_key_id)
        if master is None:
            raise KeyError(f"no master key {master_key_id}: keep old keys after a rotation")
        return master.decrypt(wrapped[:_NONCE], wrapped[_NONCE:], user_id.encode())


def _derive(root: bytes, purpose: bytes) -> bytes:
    return HKDF(algorithm=SHA256(), length=32, salt=None, info=purpose).derive(root)
