"""Idempotency keys in the database: who used one for what, and what was answered."""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol


@dataclass(frozen=True, slots=True)
class StoredResponse:
    status: int
    body: bytes


@dataclass(frozen=True, slots=True)
class IdempotencyRecord:
    body_hash: str
    resource_id: str | None
    response: StoredResponse | None

    @property
    def in_flight(self) -> bool:
        return self.resource_id is None and self.response is None


class IdempotencyRepository(Protocol):
    async def claim(
        self, *, scope: str, key: str, body_hash: str, now: datetime, resource_id: str | None
    ) -> IdempotencyRecord | None:
        """None when the key is free and now ours; else what holds it. Records older than 24 h,
        and unfinished ones older than a minute, are free. With `resource_id` the claim is
        complete at once: the response is made again from that resource."""

    async def complete(self, *, scope: str, key: str, response: StoredResponse) -> None: ...

    async def release(self, *, scope: str, key: str) -> None: ...
