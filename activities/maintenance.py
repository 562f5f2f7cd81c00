"""One step of the upkeep; safe to repeat."""

from temporalio import activity

from activities.errors import application_errors
from activities.heartbeat import heartbeating
from domain.messages import MaintenanceInput
from services.operations.maintenance import MaintenanceService


class MaintenanceActivities:
    def __init__(self, maintenance: MaintenanceService) -> None:
        self._maintenance = maintenance

    @activity.defn(name="maintain")
    async def maintain(self, command: MaintenanceInput) -> int:
        """How many rows the step concerned."""
        with heartbeating(), application_errors():
            return await self._maintenance.run(command.step)
