"""Digests with their workflows, the database and a provider that keeps what it is given."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from temporalio.client import WorkflowHandle
from temporalio.testing import TimeSkipper

from domain.enums import NotificationStatus
from domain.ids import digest_workflow_id, notification_workflow_id
from domain.records.notifications import NotificationView
from runtime.starter import BackgroundStarter
from runtime.temporal import TemporalGateway
from services.catalogue.reading import Catalogue
from services.notifications.replanning import Replanning
from services.people.preferences import PreferenceService
from tests.integration.conftest import Core, now
from workflows.digest import DigestWorkflow
from workflows.notification import NotificationWorkflow

DAILY = {"categories": {"jobs": {"delivery": "daily"}}}


@dataclass
class Life:
    """Herald without its surfaces; digests' clocks are moved by hand."""

    core: Core
    by_hand: TimeSkipper
    starter: BackgroundStarter
    gateway: TemporalGateway

    @property
    def preferences(self) -> PreferenceService:
        core = self.core
        return PreferenceService(core.uow, Catalogue(core.uow), Replanning(self.starter, now), now)

    async def gatherer(self, **profile: Any) -> str:
        user = await self.core.user(**profile)
        await self.preferences.merge(user, DAILY)
        return user

    def digest(self, user: str, key: str = "jobs") -> WorkflowHandle[DigestWorkflow, int]:
        return self.by_hand.client.get_workflow_handle_for(
            DigestWorkflow.run, digest_workflow_id(user, key)
        )

    async def send(self, user: str, **fields: object) -> UUID:
        """Accepted and started, as the API does it."""
        notification_id = await self.core.accept(user, type="job_match", **fields)
        self.starter.start(notification_id)
        return notification_id

    async def until(
        self, notification_id: UUID, holds: Callable[[NotificationView], bool]
    ) -> NotificationView:
        async with asyncio.timeout(30):
            while not holds(view := await self.core.view(notification_id)):
                await asyncio.sleep(0.05)
        return view

    async def gathered(self, user: str, **fields: object) -> UUID:
        """Once its workflow has ended, its digest's has been told."""
        notification_id = await self.send(user, **fields)
        await self.until(notification_id, has(NotificationStatus.SCHEDULED))
        workflow = self.by_hand.client.get_workflow_handle_for(
            NotificationWorkflow.run, notification_workflow_id(notification_id)
        )
        assert (await workflow.result()).outcome == "gathered"
        return notification_id


def has(status: NotificationStatus) -> Callable[[NotificationView], bool]:
    return lambda view: view.notification.status is status


def ids_in(view: NotificationView) -> list[UUID]:
    items: Any = view.content.data["items"]
    return [UUID(line["notificationId"]) for line in items]
