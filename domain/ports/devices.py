"""Users' devices in the database."""

from datetime import datetime
from typing import Protocol
from uuid import UUID

from domain.records.people import Device


class DeviceRepository(Protocol):
    async def register(self, device: Device) -> Device:
        """By token: a token known already moves to this user and keeps its id."""

    async def list(self, user_id: str) -> tuple[Device, ...]: ...

    async def replace_token(self, user_id: str, old: str, device: Device) -> Device | None: ...

    async def remove(self, user_id: str, token: str) -> bool: ...

    async def remove_by_id(self, device_id: UUID, seen_before: datetime | None = None) -> bool:
        """A device seen at `seen_before` or later stays: it may have another token since."""

    async def remove_stale(self, before: datetime, limit: int) -> int:
        """Forgets up to `limit` devices last seen before then; how many it were."""
