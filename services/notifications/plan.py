"""Planning: read the facts once, let the pure rules decide, write what they said.

One transaction. The plan's instant is the workflow's own clock, handed in, so that a plan made
in skipped time is right. A plan whose notification was cancelled, amended or ended meanwhile
writes nothing and says so.
"""

from domain.enums import DeliveryStatus
from domain.errors import Conflict, notification_not_found
from domain.facts import Usage
from domain.messages import FinishInput, PlanInput, PlanResult
from domain.ports.storage import UnitOfWork
from domain.status import notification_status_of
from services.digests.gathering import Gathering
from services.notifications.plan_draft import draft_of, ended_result, plan_result
from services.notifications.plan_facts import FactReader, remaining_channels
from services.notifications.plan_making import PlanMaker


class PlanService:
    def __init__(self, uow: UnitOfWork, facts: FactReader, maker: PlanMaker) -> None:
        self._uow = uow
        self._facts = facts
        self._maker = maker

    async def plan(self, command: PlanInput) -> PlanResult:
        """Plans the channels not used up yet. Raises `NotFound`; `Conflict("plan_overtaken")`
        when the notification changed while the rules were thinking: plan again."""
        now = command.now
        async with self._uow() as tx:
            snapshot = await tx.planning.load(command.notification_id)
            if snapshot is None:
                raise notification_not_found(command.notification_id)
            notification, remaining = snapshot.notification, remaining_channels(snapshot)
            if notification.cancel_requested_at or not remaining:
                return ended_result(notification)
            facts = await self._facts.read(tx, snapshot, remaining, now)
            plan = await self._maker.make(tx, snapshot, facts, now)
            draft = draft_of(plan, snapshot, remaining, command.trigger, now)
            gathering = Gathering.of(plan, snapshot)
            await gathering.lock(tx)
            if not await tx.planning.save(draft):
                raise Conflict("plan_overtaken", "The notification changed while it was planned.")
            await tx.planning.reserve_usage(
                notification.user_id,
                [Usage(notification.id, notification.category, c, now) for c in plan.ready()],
            )
            hand_over = await gathering.keep(tx)
            return plan_result(draft, facts.timezone).model_copy(
                update={"gathered": gathering.gathered is not None, "hand_over": hand_over}
            )

    async def finish(self, command: FinishInput) -> None:
        """Closes channels held in reserve that are no longer needed."""
        async with self._uow() as tx:
            notification = await tx.notifications.lock(command.notification_id)
            if notification is None:
                raise notification_not_found(command.notification_id)
            await tx.deliveries.close_open(
                command.notification_id, DeliveryStatus.SKIPPED, command.reason
            )
            lines = await tx.deliveries.of(command.notification_id)
            status = notification_status_of([line.status for line in lines])
            await tx.notifications.set_status(
                command.notification_id, status, reason=notification.reason
            )
