"""Encryption at rest: a key per user, wrapped by a master key that can be rotated.

Sealed text is `v1.` and base64 of nonce and ciphertext (AES-256-GCM). The associated data binds
it to its user and field, so that a value copied elsewhere does not open. Deleting a user's key
row makes everything sealed with it unreadable, wherever copies of it lie.
"""

import base64
import os
from collections.abc import Iterable, Mapping
from typing import Any, Final

import orjson
from cachetools import TTLCache
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from domain.ids import keyed_hash

_PREFIX: Final = "v1."
_NONCE: Final = 12
SYSTEM: Final = "\x00system"
"""The owner of what belongs to no user; no user id can be this."""


class Sealer:
    """Seals and opens one owner's fields."""

    __slots__ = ("_cipher", "_owner")

    def __init__(self, key: bytes, owner: str) -> None:
        self._cipher = AESGCM(key)
        self._owner = owner

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
    """The users' sealers, remembered for a minute; so a deleted key is forgotten everywhere
    within that minute."""

    def __init__(self, master_keys: Mapping[str, bytes], users: int = 100_000) -> None:
        """`master_keys`: id → 32 bytes, the current one first."""
        self._master = dict(master_keys)
        self._current = next(iter(master_keys))
        self._users: TTLCache[str, Sealer] = TTLCache(users, 60)
        root = next(reversed(self._master.values()))
        self.lookup_key = _derive(root, b"herald lookup hashes")
        self.system = Sealer(_derive(root, b"herald system records"), SYSTEM)

    def lookup(self, kind: str, value: str) -> str:
        """A keyed hash to find an address, number or token by, without storing it in the open."""
        return keyed_hash(self.lookup_key, kind, value)

    def new_key(self, user_id: str) -> tuple[bytes, str]:
        """A fresh data key, wrapped, and the id of the master key that wrapped it."""
        key = AESGCM.generate_key(256)
        nonce = os.urandom(_NONCE)
        wrapped = AESGCM(self._master[self._current]).encrypt(nonce, key, user_id.encode())
        self._users[user_id] = Sealer(key, user_id)
        return nonce + wrapped, self._current

    def forget(self, user_id: str) -> None:
        self._users.pop(user_id, None)

    async def sealer(self, connection: Any, user_id: str) -> Sealer | None:
        """The user's sealer, or None when the user has no key: unknown, or erased."""
        return (await self.sealers(connection, [user_id])).get(user_id)

    async def sealers(self, connection: Any, user_ids: Iterable[str]) -> dict[str, Sealer]:
        """Sealers of all these users that have one; at most one query."""
        found: dict[str, Sealer] = {}
        missing = []
        for user_id in set(user_ids):
            known = self._users.get(user_id)
            if known is None:
                missing.append(user_id)
            else:
                found[user_id] = known
        if missing:
            rows = await connection.fetch(
                "select user_id, wrapped_key, master_key_id from user_keys"
                " where user_id = any($1::text[])",
                missing,
            )
            for row in rows:
                sealer = Sealer(self._unwrap(row), row["user_id"])
                self._users[row["user_id"]] = sealer
                found[row["user_id"]] = sealer
        return found

    def _unwrap(self, row: Any) -> bytes:
        master = self._master.get(row["master_key_id"])
        if master is None:
            raise KeyError(f"no master key {row['master_key_id']}: keep old keys after a rotation")
        blob: bytes = row["wrapped_key"]
        return AESGCM(master).decrypt(blob[:_NONCE], blob[_NONCE:], row["user_id"].encode())


def _derive(root: bytes, purpose: bytes) -> bytes:
    return HKDF(algorithm=SHA256(), length=32, salt=None, info=purpose).derive(root)
