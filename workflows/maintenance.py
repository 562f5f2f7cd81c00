"""The upkeep, step after step; one that fails does not keep the others from being done."""

from temporalio import workflow
from temporalio.exceptions import ActivityError, is_cancelled_exception

with workflow.unsafe.imports_passed_through():
    from activities.maintenance import MaintenanceActivities
    from domain.enums import MaintenanceStep
    from domain.messages import MaintenanceInput, MaintenanceOutcome
    from workflows import options


@workflow.defn(name="MaintenanceWorkflow")
class MaintenanceWorkflow:
    @workflow.run
    async def run(self) -> MaintenanceOutcome:
        """What each step did, and which of them did not succeed."""
        done: dict[MaintenanceStep, int] = {}
        failed: list[MaintenanceStep] = []
        for step in MaintenanceStep:
            try:
                done[step] = await workflow.execute_activity_method(
                    MaintenanceActivities.maintain,
                    MaintenanceInput(step=step),
                    summary=f"Maintain: {step}",
                    **options.MAINTAIN,
                )
            except ActivityError as error:
                if is_cancelled_exception(error):
                    raise
                failed.append(step)
        return MaintenanceOutcome(done=done, failed=tuple(failed))
