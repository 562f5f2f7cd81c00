"""Temporal as campaigns reach it: their workflows, and the schedules of recurring ones."""

from temporalio.client import (
    Client,
    Schedule,
    ScheduleActionStartWorkflow,
    ScheduleAlreadyRunningError,
    ScheduleOverlapPolicy,
    SchedulePolicy,
    ScheduleState,
    ScheduleUpdate,
    ScheduleUpdateInput,
)
from temporalio.common import Priority, WorkflowIDConflictPolicy, WorkflowIDReusePolicy
from temporalio.exceptions import WorkflowAlreadyStartedError
from temporalio.service import RPCError, RPCStatusCode

from domain.campaigns import shapes
from domain.campaigns.ids import campaign_schedule_id, campaign_workflow_id
from domain.campaigns.messages import CampaignInput, CampaignSignal
from domain.campaigns.records import Campaign, CampaignStatus
from domain.campaigns.timing import catch_up, ends_at, recurs
from domain.ids import CAMPAIGNS_QUEUE
from runtime.campaign_schedule import spec_of
from runtime.temporal import RPC_TIMEOUT, TemporalGateway
from workflows.campaign import CampaignWorkflow
from workflows.options import CAMPAIGN_PRIORITY


class TemporalCampaigns:
    """Implements `CampaignGateway`."""

    def __init__(self, client: Client, gateway: TemporalGateway) -> None:
        self._client = client
        self._gateway = gateway

    async def tell(self, campaign: Campaign) -> None:
        async with self._gateway.answering():
            schedule = campaign.schedule
            if schedule is None or not recurs(schedule):
                await self._wake(campaign)
                return
            await self._keep_schedule(campaign, schedule)
            if ends_at(schedule) is not None:
                await self._wake(campaign)  # its own workflow waits for its end

    async def _wake(self, campaign: Campaign) -> None:
        try:
            await self._client.start_workflow(
                CampaignWorkflow.run,
                CampaignInput(campaign_id=campaign.id),
                id=campaign_workflow_id(campaign.id),
                task_queue=CAMPAIGNS_QUEUE,
                id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
                id_reuse_policy=WorkflowIDReusePolicy.ALLOW_DUPLICATE_FAILED_ONLY,
                start_signal=CampaignSignal.CHANGED,
                rpc_timeout=RPC_TIMEOUT,
                static_summary=f"campaign {campaign.type} → {', '.join(campaign.channels)}",
                priority=_priority(campaign),
            )
        except WorkflowAlreadyStartedError:
            return

    async def _keep_schedule(self, campaign: Campaign, given: shapes.Schedule) -> None:
        handle = self._client.get_schedule_handle(campaign_schedule_id(campaign.id))
        if campaign.status.is_over:
            try:
                await handle.delete(rpc_timeout=RPC_TIMEOUT)
            except RPCError as error:
                if error.status is not RPCStatusCode.NOT_FOUND:
                    raise
            return
        schedule = _schedule(campaign, given)
        try:
            await self._client.create_schedule(
                campaign_schedule_id(campaign.id), schedule, rpc_timeout=RPC_TIMEOUT
            )
        except ScheduleAlreadyRunningError:

            def updated(_: ScheduleUpdateInput) -> ScheduleUpdate:
                return ScheduleUpdate(schedule=schedule)

            await handle.update(updated, rpc_timeout=RPC_TIMEOUT)


def _schedule(campaign: Campaign, given: shapes.Schedule) -> Schedule:
    return Schedule(
        action=ScheduleActionStartWorkflow(
            CampaignWorkflow.run,
            CampaignInput(campaign_id=campaign.id, recurring=True),
            id=f"{campaign_workflow_id(campaign.id)}/occurrence",
            task_queue=CAMPAIGNS_QUEUE,
            priority=_priority(campaign),
        ),
        spec=spec_of(given, campaign.updated_at),
        policy=SchedulePolicy(
            overlap=ScheduleOverlapPolicy.ALLOW_ALL, catchup_window=catch_up(given)
        ),
        state=ScheduleState(paused=campaign.status is CampaignStatus.PAUSED),
    )


def _priority(campaign: Campaign) -> Priority:
    """After everything else, and fair between campaigns."""
    return Priority(priority_key=CAMPAIGN_PRIORITY, fairness_key=str(campaign.id))
