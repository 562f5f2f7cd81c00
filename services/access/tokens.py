"""User tokens: short-lived JWTs that open one user's inbox, preferences and WebSocket."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

import jwt

from domain.errors import user_not_found
from domain.ports.runtime import Clock
from domain.ports.storage import UnitOfWork

LIFETIME: Final = timedelta(minutes=15)
LONGEST: Final = timedelta(hours=24)
_AUDIENCE: Final = "herald"


@dataclass(frozen=True, slots=True)
class UserToken:
    token: str
    user_id: str
    expires_at: datetime


class TokenService:
    def __init__(self, uow: UnitOfWork, clock: Clock, key: bytes) -> None:
        """`key`: at least 32 bytes, known to every process."""
        self._uow = uow
        self._clock = clock
        self._key = key

    async def mint(self, user_id: str, lifetime: timedelta = LIFETIME) -> UserToken:
        """Raises `NotFound("user_not_found")`."""
        async with self._uow() as tx:
            if await tx.users.get(user_id) is None:
                raise user_not_found(user_id)
        expires_at = (self._clock() + lifetime).replace(microsecond=0)
        claims = {"sub": user_id, "aud": _AUDIENCE, "exp": int(expires_at.timestamp())}
        return UserToken(jwt.encode(claims, self._key, algorithm="HS256"), user_id, expires_at)

    def verify(self, token: str) -> str | None:
        """The user's id, or None for a token that is foreign, altered or over."""
        try:
            claims = jwt.decode(
                token,
                self._key,
                algorithms=["HS256"],
                audience=_AUDIENCE,
                options={"require": ["exp", "sub", "aud"], "verify_exp": False},
            )
            expires_at = datetime.fromtimestamp(int(claims["exp"]), UTC)
        except (jwt.InvalidTokenError, ValueError, OverflowError, OSError):
            return None
        return str(claims["sub"]) if self._clock() < expires_at else None
