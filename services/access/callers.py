"""Who is calling, and what may they do? API keys by their hash, user tokens by their signature.

A key's row is remembered for ten seconds, so a key revoked in another process still works there
for at most that long.
"""

import hashlib
import hmac
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from cachetools import TTLCache

from domain.enums import Scope
from domain.errors import Forbidden, Unauthorized
from domain.ports.runtime import Clock
from domain.ports.storage import UnitOfWork
from domain.records.api_keys import ApiKey
from services.access.tokens import TokenService

FIRST_KEY: Final = "key:first"
USER_RATE_LIMIT: Final = 600
"""Calls a minute with user tokens, per user."""
_TTL = timedelta(seconds=10)


@dataclass(frozen=True, slots=True)
class Principal:
    """A caller that was recognised."""

    actor: str
    """`key:first`, `key:{id}` or `user:{id}`; names it in the audit log and in quotas."""
    scopes: frozenset[Scope]
    rate_limit: int | None
    """Calls a minute; None: no limit."""
    user_id: str | None = None
    """Set for user tokens: the only user whose things it may touch."""

    def require(self, scope: Scope) -> None:
        """Raises `Forbidden("missing_scope")`. `admin` includes every scope."""
        if scope not in self.scopes and Scope.ADMIN not in self.scopes:
            raise Forbidden("missing_scope", f"This needs the scope {scope}.")


class AccessService:
    def __init__(
        self,
        uow: UnitOfWork,
        tokens: TokenService,
        clock: Clock,
        first_key: str | None,
        ttl: timedelta = _TTL,
    ) -> None:
        self._uow = uow
        self._tokens = tokens
        self._clock = clock
        self._first = secret_hash(first_key) if first_key else None
        self._known: TTLCache[str, ApiKey | None] = TTLCache(10_000, ttl.total_seconds())

    async def authenticate(self, credential: str) -> Principal:
        """Raises `Unauthorized("invalid_credentials")`."""
        if credential.count(".") == 2 and (user_id := self._tokens.verify(credential)):
            return Principal(f"user:{user_id}", frozenset(), USER_RATE_LIMIT, user_id)
        hashed = secret_hash(credential)
        if self._first is not None and hmac.compare_digest(hashed, self._first):
            return Principal(FIRST_KEY, frozenset({Scope.ADMIN}), None)
        key = await self._key(hashed)
        now = self._clock()
        if key is None or key.revoked_at is not None:
            raise refused()
        if key.expires_at is not None and key.expires_at <= now:
            raise refused("The API key has expired.")
        return Principal(f"key:{key.id}", key.scopes, key.rate_limit)

    def forget(self) -> None:
        """A key changed in this process: read them again."""
        self._known.clear()

    async def _key(self, hashed: str) -> ApiKey | None:
        if hashed in self._known:
            return self._known[hashed]
        async with self._uow() as tx:
            key = await tx.api_keys.by_hash(hashed)
        self._known[hashed] = key
        return key


def secret_hash(secret: str) -> str:
    """SHA-256 as hex. Keys are long and random, so that a slow hash would protect nothing."""
    return hashlib.sha256(secret.encode()).hexdigest()


def refused(detail: str = "The credentials are not valid.") -> Unauthorized:
    return Unauthorized("invalid_credentials", detail)
