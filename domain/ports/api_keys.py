"""API keys in the database, found by the hash of their secret."""

from datetime import datetime
from typing import Protocol
from uuid import UUID

from domain.paging import Page, PageRequest
from domain.records.api_keys import ApiKey


class ApiKeyRepository(Protocol):
    async def insert(self, key: ApiKey, secret_hash: str) -> None: ...

    async def by_hash(self, secret_hash: str) -> ApiKey | None: ...

    async def list(self, page: PageRequest) -> Page[ApiKey]: ...

    async def revoke(self, key_id: UUID, at: datetime) -> bool: ...
