"""API keys: made once, shown once, kept as a hash."""

import secrets
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from domain.enums import Scope
from domain.errors import NotFound
from domain.ids import new_id
from domain.paging import Page, PageRequest
from domain.ports.runtime import Clock
from domain.ports.storage import UnitOfWork
from domain.records.api_keys import ApiKey
from domain.records.operations import AuditEntry
from services.access.callers import AccessService, secret_hash

_PREFIX: Final = "hk_"
_SHOWN: Final = 10


@dataclass(frozen=True, slots=True)
class NewKey:
    key: ApiKey
    secret: str


class ApiKeyService:
    def __init__(self, uow: UnitOfWork, access: AccessService, clock: Clock) -> None:
        self._uow = uow
        self._access = access
        self._clock = clock

    async def create(
        self,
        name: str,
        scopes: frozenset[Scope],
        rate_limit: int,
        expires_at: datetime | None,
        actor: str,
    ) -> NewKey:
        """The secret is known to nobody else from here on."""
        secret = _PREFIX + secrets.token_urlsafe(32)
        now = self._clock()
        key = ApiKey(
            id=new_id(),
            name=name,
            prefix=secret[:_SHOWN],
            scopes=scopes,
            rate_limit=rate_limit,
            created_at=now,
            expires_at=expires_at,
        )
        async with self._uow() as tx:
            await tx.api_keys.insert(key, secret_hash(secret))
            await tx.operations.audit(
                AuditEntry(
                    now,
                    actor,
                    "api_key.created",
                    f"api_key:{key.id}",
                    {"name": name, "scopes": sorted(scopes)},
                )
            )
        return NewKey(key, secret)

    async def list(self, page: PageRequest) -> Page[ApiKey]:
        async with self._uow() as tx:
            return await tx.api_keys.list(page)

    async def revoke(self, key_id: UUID, actor: str) -> None:
        """Raises `NotFound("api_key_not_found")`, also for one revoked before."""
        now = self._clock()
        async with self._uow() as tx:
            if not await tx.api_keys.revoke(key_id, now):
                raise NotFound("api_key_not_found", f"There is no active API key {key_id}.")
            await tx.operations.audit(
                AuditEntry(now, actor, "api_key.revoked", f"api_key:{key_id}")
            )
        self._access.forget()
