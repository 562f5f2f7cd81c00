"""What has to be done now and then: tables kept ready, and what is no longer needed forgotten.

Each step may be repeated at any time, and run by any number of processes at once.
"""

from datetime import timedelta
from typing import Final

from domain.enums import MaintenanceStep
from domain.ports.runtime import Clock
from domain.ports.storage import UnitOfWork
from services.campaigns.retention import CampaignRetention
from services.feedback.callbacks import KEPT_FOR, CallbackService
from services.people.devices import DeviceService

MONTHS_AHEAD: Final = 12
NUMBERS_KEPT: Final = timedelta(days=2)
"""No limit looks further back."""


class MaintenanceService:
    def __init__(
        self,
        uow: UnitOfWork,
        devices: DeviceService,
        callbacks: CallbackService,
        campaigns: CampaignRetention,
        clock: Clock,
    ) -> None:
        self._uow = uow
        self._devices = devices
        self._callbacks = callbacks
        self._campaigns = campaigns
        self._clock = clock

    async def run(self, step: MaintenanceStep) -> int:
        """How many rows it concerned; zero where nobody counts."""
        match step:
            case MaintenanceStep.PARTITIONS:
                async with self._uow() as tx:
                    await tx.upkeep.make_partitions(MONTHS_AHEAD)
                return 0
            case MaintenanceStep.SUMMARY:
                async with self._uow() as tx:
                    await tx.upkeep.refresh_summary()
                return 0
            case MaintenanceStep.DEVICES:
                return await self._devices.sweep()
            case MaintenanceStep.CALLBACKS:
                return await self._callbacks.forget_callbacks(self._clock() - KEPT_FOR)
            case MaintenanceStep.NUMBERS:
                async with self._uow() as tx:
                    return await tx.sms_usage.forget(self._clock() - NUMBERS_KEPT)
            case MaintenanceStep.CAMPAIGNS:
                return await self._campaigns.forget()
