"""Devices: where push messages go, known by their tokens."""

from dataclasses import dataclass

from domain.enums import Platform, PushVendor
from domain.errors import NotFound
from domain.ids import new_id
from domain.ports.runtime import Clock
from domain.ports.storage import UnitOfWork
from domain.records import Device
from services.tokens import no_user


@dataclass(frozen=True, slots=True)
class DeviceDetails:
    token: str
    platform: Platform
    provider: PushVendor = PushVendor.FIREBASE
    app_version: str | None = None
    locale: str | None = None


class DeviceService:
    def __init__(self, uow: UnitOfWork, clock: Clock) -> None:
        self._uow = uow
        self._clock = clock

    async def register(self, user_id: str, details: DeviceDetails) -> Device:
        """A token known already moves to this user. Raises `NotFound("user_not_found")`."""
        async with self._uow() as tx:
            if await tx.users.get(user_id) is None:
                raise no_user(user_id)
            return await tx.devices.register(self._device(user_id, details))

    async def list(self, user_id: str) -> tuple[Device, ...]:
        """Raises `NotFound("user_not_found")`."""
        async with self._uow() as tx:
            if await tx.users.get(user_id) is None:
                raise no_user(user_id)
            return await tx.devices.list(user_id)

    async def replace(self, user_id: str, token: str, details: DeviceDetails) -> Device:
        """New details, and a new token when the vendor gave the device one. Raises `NotFound`."""
        async with self._uow() as tx:
            device = await tx.devices.replace_token(user_id, token, self._device(user_id, details))
        if device is None:
            raise _no_device()
        return device

    async def remove(self, user_id: str, token: str) -> None:
        """Raises `NotFound("device_not_found")`."""
        async with self._uow() as tx:
            removed = await tx.devices.remove(user_id, token)
        if not removed:
            raise _no_device()

    def _device(self, user_id: str, details: DeviceDetails) -> Device:
        now = self._clock()
        return Device(
            id=new_id(),
            user_id=user_id,
            token=details.token,
            platform=details.platform,
            provider=details.provider,
            created_at=now,
            last_seen_at=now,
            app_version=details.app_version,
            locale=details.locale,
        )


def _no_device() -> NotFound:
    return NotFound("device_not_found", "This user has no device with this token.")
