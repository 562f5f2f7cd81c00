"""Devices: where push messages go, known by their tokens.

An app registers its token whenever it starts, which says that the device is in use. Tokens that a
vendor calls dead are forgotten at once; those of devices nobody uses any more are swept.
"""

from dataclasses import dataclass
from datetime import timedelta
from typing import Final
from uuid import UUID

from domain.enums import Platform, PushVendor
from domain.errors import FieldError, Invalid, NotFound, user_not_found
from domain.ids import new_id
from domain.ports.runtime import Clock
from domain.ports.storage import UnitOfWork
from domain.records.people import Device

STALE_AFTER: Final = timedelta(days=270)
"""As long as Firebase keeps the registration of an Android device that never connects."""
SWEEP_BATCH: Final = 1_000


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
        """A token known already moves to this user. Raises `NotFound("user_not_found")`,
        `Invalid("invalid_token")` for what cannot be a token of the vendor's."""
        _check_token(details)
        async with self._uow() as tx:
            if await tx.users.get(user_id) is None:
                raise user_not_found(user_id)
            return await tx.devices.register(self._device(user_id, details))

    async def list(self, user_id: str) -> tuple[Device, ...]:
        """Raises `NotFound("user_not_found")`."""
        async with self._uow() as tx:
            if await tx.users.get(user_id) is None:
                raise user_not_found(user_id)
            return await tx.devices.list(user_id)

    async def replace(self, user_id: str, token: str, details: DeviceDetails) -> Device:
        """New details, and a new token when the vendor gave the device one; the device stays the
        same, with all that is on its way to it. Raises `NotFound`, `Invalid("invalid_token")`."""
        _check_token(details)
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

    async def sweep(self, older_than: timedelta = STALE_AFTER) -> int:
        """Forgets the devices not seen for so long; how many it were. Safe to run at any time, by
        any number at once, and to begin anew."""
        before, swept = self._clock() - older_than, 0
        while True:
            async with self._uow() as tx:
                removed = await tx.devices.remove_stale(before, SWEEP_BATCH)
            swept += removed
            if removed < SWEEP_BATCH:
                return swept

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


def _check_token(details: DeviceDetails) -> None:
    if details.provider is not PushVendor.ONESIGNAL:
        return
    try:
        good = str(UUID(details.token)) == details.token.lower()
    except ValueError:
        good = False
    if not good:
        problem = FieldError("token", "invalid_token", "OneSignal's subscription ids are UUIDs.")
        raise Invalid(problem.code, problem.detail, errors=(problem,))


def _no_device() -> NotFound:
    return NotFound("device_not_found", "This user has no device with this token.")
