"""The workflows of A/B tests, as the relay reaches them."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import UUID

from temporalio.client import Client, WorkflowHandle
from temporalio.common import WorkflowIDConflictPolicy, WorkflowIDReusePolicy
from temporalio.exceptions import WorkflowAlreadyStartedError
from temporalio.service import RPCError

from domain.ab.messages import ABTestInput
from domain.errors import Unavailable
from domain.ids import NOTIFICATIONS_QUEUE, ab_test_workflow_id
from runtime.temporal import RPC_TIMEOUT, is_no_workflow
from workflows.ab_test import ABTestWorkflow


class TemporalABTests:
    """Implements the port `ABTestGateway`."""

    def __init__(self, client: Client) -> None:
        self._client = client

    async def start_ab_test(self, test_id: UUID) -> None:
        async with _answering():
            try:
                await self._client.start_workflow(
                    ABTestWorkflow.run,
                    ABTestInput(test_id=test_id),
                    id=ab_test_workflow_id(test_id),
                    task_queue=NOTIFICATIONS_QUEUE,
                    id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
                    id_reuse_policy=WorkflowIDReusePolicy.REJECT_DUPLICATE,
                    rpc_timeout=RPC_TIMEOUT,
                    static_summary="A/B test",
                )
            except WorkflowAlreadyStartedError:
                return

    async def wake_ab_test(self, test_id: UUID) -> None:
        handle: WorkflowHandle[ABTestWorkflow, object] = self._client.get_workflow_handle_for(
            ABTestWorkflow.run, ab_test_workflow_id(test_id)
        )
        async with _answering():
            try:
                await handle.signal(ABTestWorkflow.on_changed, rpc_timeout=RPC_TIMEOUT)
            except RPCError as error:
                if not is_no_workflow(error):
                    raise


@asynccontextmanager
async def _answering() -> AsyncIterator[None]:
    try:
        yield
    except (RPCError, RuntimeError, TimeoutError) as error:
        raise Unavailable("temporal_unavailable", "Temporal does not answer.") from error
