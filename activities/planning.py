"""The steps of a notification's life that only read and write the database.

Run as local activities: one transaction each, and each may be repeated. A plan made twice is the
same plan, a cancelled notification stays cancelled, what is closed stays closed.
"""

from temporalio import activity

from activities.errors import application_errors
from domain.messages import CancelInput, CancelResult, FinishInput, PlanInput, PlanResult
from services.notifications.cancel import CancelService
from services.notifications.plan import PlanService


class PlanningActivities:
    def __init__(self, plans: PlanService, cancels: CancelService) -> None:
        self._plans = plans
        self._cancels = cancels

    @activity.defn(name="plan_notification")
    async def plan_notification(self, command: PlanInput) -> PlanResult:
        """What to do next. Fails for good only when there is no such notification."""
        with application_errors():
            return await self._plans.plan(command)

    @activity.defn(name="cancel_notification")
    async def cancel_notification(self, command: CancelInput) -> CancelResult:
        """Stops what has not left yet; the ledger's answer is definite."""
        with application_errors():
            answer = await self._cancels.cancel(command.notification_id)
        return CancelResult(outcome=answer.outcome)

    @activity.defn(name="finish_notification")
    async def finish_notification(self, command: FinishInput) -> None:
        """Closes what was held in reserve and is no longer needed."""
        with application_errors():
            await self._plans.finish(command)
