"""Temporal as this process reaches it: connections, and the gateway the services speak to.

Nothing here makes an answer true or false: the ledger has decided already. So every call gives up
within three seconds, and a server that is away is asked once a second at most.
"""

import asyncio
import logging
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Final
from uuid import UUID

from temporalio.client import Client, WorkflowHandle
from temporalio.common import (
    Priority,
    SearchAttributePair,
    TypedSearchAttributes,
    WorkflowIDConflictPolicy,
    WorkflowIDReusePolicy,
)
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.exceptions import WorkflowAlreadyStartedError
from temporalio.runtime import (
    LogForwardingConfig,
    LoggingConfig,
    PrometheusConfig,
    Runtime,
    TelemetryConfig,
    TelemetryFilter,
)
from temporalio.service import RetryConfig, RPCError, RPCStatusCode

from domain.announcements.messages import AnnouncementInput
from domain.announcements.shapes import ANNOUNCEMENTS_QUEUE, announcement_workflow_id
from domain.bulk import BulkInput
from domain.digests.messages import DigestInput, DigestSignal, ItemAdded
from domain.errors import Unavailable
from domain.ids import (
    BULK_QUEUE,
    NOTIFICATIONS_QUEUE,
    bulk_workflow_id,
    digest_workflow_id,
    keyed_hash,
    notification_workflow_id,
)
from domain.messages import NotificationInput, SignalKind
from domain.ports.digests import WaitingDigest
from domain.records.notifications import Notification
from workflows.announcement import AnnouncementWorkflow
from workflows.bulk import BulkWorkflow
from workflows.digest import DigestWorkflow
from workflows.notification import NotificationWorkflow
from workflows.options import PRIORITIES
from workflows.search import CHANNEL, NOTIFICATION_TYPE, USER_HASH

RPC_TIMEOUT: Final = timedelta(seconds=2)
CONNECT_TIMEOUT: Final = timedelta(seconds=2)
PATIENCE: Final = timedelta(seconds=3)
"""For a call with all its tries and the first connection, which has no timeout of its own."""
REST_AFTER_FAILURE: Final = 1.0
IMPATIENT: Final = RetryConfig(
    initial_interval_millis=50,
    max_interval_millis=400,
    max_elapsed_time_millis=1200,
    max_retries=4,
)
REVIVING: Final = frozenset({SignalKind.AMEND, SignalKind.SEND_NOW, SignalKind.PREFERENCES_CHANGED})
"""Signals after which a notification is planned again though its workflow has ended: it may wait
in a digest."""


def make_runtime(metrics_address: str | None = None) -> Runtime:
    """The SDK's threads and logs. Its log lines go to this process's logging, its metrics to
    `http://{metrics_address}/metrics`. One for each process."""
    logging_config = LoggingConfig(
        filter=TelemetryFilter(core_level="WARN", other_level="ERROR"),
        forwarding=LogForwardingConfig(logger=logging.getLogger("temporalio.core")),
    )
    metrics = PrometheusConfig(bind_address=metrics_address) if metrics_address else None
    return Runtime(telemetry=TelemetryConfig(logging=logging_config, metrics=metrics))


async def connect(address: str, namespace: str, *, runtime: Runtime | None = None) -> Client:
    """A client that connects when it is first used, and gives up on a call soon."""
    return await Client.connect(
        address,
        namespace=namespace,
        data_converter=pydantic_data_converter,
        retry_config=IMPATIENT,
        connect_timeout=CONNECT_TIMEOUT,
        lazy=True,
        runtime=runtime,
    )


async def connect_worker(address: str, namespace: str, *, runtime: Runtime | None = None) -> Client:
    """A client for workers: connected now, and rather waiting out an outage than losing a result.
    Raises `Unavailable` when the server does not answer."""
    try:
        return await Client.connect(
            address,
            namespace=namespace,
            data_converter=pydantic_data_converter,
            connect_timeout=CONNECT_TIMEOUT,
            runtime=runtime,
        )
    except RuntimeError as error:
        raise Unavailable("temporal_unavailable", "Temporal does not answer.") from error


class TemporalGateway:
    """Starts and wakes workflows. `hash_key` makes the search attribute `UserHash`."""

    def __init__(self, client: Client, hash_key: bytes) -> None:
        self._client = client
        self._hash_key = hash_key
        self._ask_again_at = 0.0

    async def start_notification(
        self, notification_id: UUID, redrives: int, about: Notification | None = None
    ) -> None:
        """Starts the workflow once; a second call finds it, running or ended. What is known
        `about` the notification shows in the Web UI. Raises `Unavailable`."""
        async with self.answering():
            try:
                await self._start(notification_id, redrives, about, searchable=about is not None)
            except RPCError as error:
                if about is None or error.status is not RPCStatusCode.INVALID_ARGUMENT:
                    raise
                # A namespace without our search attributes must not stop a notification.
                await self._start(notification_id, redrives, about, searchable=False)

    async def _start(
        self, notification_id: UUID, redrives: int, about: Notification | None, *, searchable: bool
    ) -> None:
        try:
            await self._client.start_workflow(
                NotificationWorkflow.run,
                NotificationInput(notification_id=notification_id, redrives=redrives),
                id=notification_workflow_id(notification_id, redrives),
                task_queue=NOTIFICATIONS_QUEUE,
                id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
                id_reuse_policy=WorkflowIDReusePolicy.REJECT_DUPLICATE,
                request_eager_start=True,
                rpc_timeout=RPC_TIMEOUT,
                static_summary=_summary(about) if about else None,
                search_attributes=self._attributes(about) if about and searchable else None,
                priority=PRIORITIES[about.priority] if about else Priority.default,
            )
        except WorkflowAlreadyStartedError:
            return

    async def start_batch(self, batch_id: UUID, size: int) -> None:
        """Starts the batch's workflow; a second call finds it while it runs. One that was ended
        by hand before its batch was done is started again. Raises `Unavailable`."""
        async with self.answering():
            try:
                await self._client.start_workflow(
                    BulkWorkflow.run,
                    BulkInput(batch_id=batch_id, size=size),
                    id=bulk_workflow_id(batch_id),
                    task_queue=BULK_QUEUE,
                    id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
                    id_reuse_policy=WorkflowIDReusePolicy.ALLOW_DUPLICATE_FAILED_ONLY,
                    rpc_timeout=RPC_TIMEOUT,
                    static_summary=f"{size} notifications",
                )
            except WorkflowAlreadyStartedError:
                return

    async def signal_notification(self, notification_id: UUID, redrives: int, kind: str) -> None:
        """Wakes the workflow. One that has ended, or was not started yet, needs no telling: the
        ledger says it already. But what makes another plan starts it again, as it may have ended
        because its notification waits in a digest. Raises `Unavailable`."""
        if kind in REVIVING:
            await self._revive(notification_id, redrives, kind)
            return
        handle: WorkflowHandle[NotificationWorkflow, object] = self._client.get_workflow_handle_for(
            NotificationWorkflow.run, notification_workflow_id(notification_id, redrives)
        )
        async with self.answering():
            try:
                await handle.signal(kind, rpc_timeout=RPC_TIMEOUT)
            except RPCError as error:
                if not is_no_workflow(error):
                    raise

    async def tell_announcement(self, announcement_id: UUID) -> None:
        """Starts the workflow, or tells the one that runs to look at the row. One that has ended
        is started again, sees that nothing is left to do, and ends. Raises `Unavailable`."""
        async with self.answering():
            await self._client.start_workflow(
                AnnouncementWorkflow.run,
                AnnouncementInput(announcement_id=announcement_id),
                id=announcement_workflow_id(announcement_id),
                task_queue=ANNOUNCEMENTS_QUEUE,
                id_reuse_policy=WorkflowIDReusePolicy.ALLOW_DUPLICATE,
                start_signal="changed",
                rpc_timeout=RPC_TIMEOUT,
                static_summary="Announcement",
            )

    async def _revive(self, notification_id: UUID, redrives: int, kind: str) -> None:
        async with self.answering():
            await self._client.start_workflow(
                NotificationWorkflow.run,
                NotificationInput(notification_id=notification_id, redrives=redrives),
                id=notification_workflow_id(notification_id, redrives),
                task_queue=NOTIFICATIONS_QUEUE,
                id_reuse_policy=WorkflowIDReusePolicy.ALLOW_DUPLICATE,
                start_signal=kind,
                rpc_timeout=RPC_TIMEOUT,
            )

    async def wake_digest(self, digest: WaitingDigest) -> None:
        """Starts the digest's workflow, or tells the running one when the window ends. Raises
        `Unavailable`."""
        async with self.answering():
            await self._client.start_workflow(
                DigestWorkflow.run,
                DigestInput(
                    user_id=digest.user_id, digest_key=digest.digest_key, ends_at=digest.ends_at
                ),
                id=digest_workflow_id(digest.user_id, digest.digest_key),
                task_queue=NOTIFICATIONS_QUEUE,
                id_reuse_policy=WorkflowIDReusePolicy.ALLOW_DUPLICATE,
                start_signal=DigestSignal.ITEM_ADDED,
                start_signal_args=[ItemAdded(ends_at=digest.ends_at)],
                rpc_timeout=RPC_TIMEOUT,
                static_summary=f"Digest: {digest.digest_key}",
            )

    async def check(self) -> None:
        """Raises `Unavailable` when the server or its namespace does not answer."""
        async with self.answering():
            await self._client.count_workflows("", rpc_timeout=RPC_TIMEOUT)

    @asynccontextmanager
    async def answering(self) -> AsyncIterator[None]:
        """Fails at once while the server is known to be away, save for one call each second."""
        now = time.monotonic()
        if now < self._ask_again_at:
            raise Unavailable("temporal_unavailable", "Temporal does not answer.")
        if self._ask_again_at:
            self._ask_again_at = now + REST_AFTER_FAILURE
        try:
            async with asyncio.timeout(PATIENCE.total_seconds()):
                yield
        except (RPCError, RuntimeError, TimeoutError) as error:
            self._ask_again_at = time.monotonic() + REST_AFTER_FAILURE
            raise Unavailable("temporal_unavailable", "Temporal does not answer.") from error
        self._ask_again_at = 0.0

    def _attributes(self, about: Notification) -> TypedSearchAttributes:
        return TypedSearchAttributes(
            [
                SearchAttributePair(NOTIFICATION_TYPE, about.type),
                SearchAttributePair(CHANNEL, [channel.value for channel in about.channels]),
                SearchAttributePair(USER_HASH, keyed_hash(self._hash_key, "user", about.user_id)),
            ]
        )


def _summary(about: Notification) -> str:
    """`job_match → email, websocket`"""
    return f"{about.type} → {', '.join(about.channels)}"


def is_no_workflow(error: RPCError) -> bool:
    """A missing namespace is NOT_FOUND too, and is an outage rather than an ended workflow."""
    return error.status is RPCStatusCode.NOT_FOUND and not any(
        detail.type_url.endswith("NamespaceNotFoundFailure") for detail in error.grpc_status.details
    )
