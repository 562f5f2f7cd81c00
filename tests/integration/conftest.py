"""The core services over a real database, with a provider that does as it is told."""

from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest

from domain.callbacks import Callback, Receipt
from domain.commands import NewNotification
from domain.enums import Channel, PlanTrigger
from domain.messages import DeliverInput, DeliverResult, PlanInput, PlanResult
from domain.ports.providers import (
    Accepted,
    ConfigurationProblem,
    Found,
    OutboundMessage,
    Recovery,
    SendOutcome,
)
from domain.records import NotificationView, User
from runtime.links import SignedLinks
from services.accept import AcceptService
from services.amend import AmendService
from services.cancel import CancelService
from services.catalogue import Catalogue
from services.deliver import DeliverService
from services.delivery_message import MessageComposer
from services.delivery_record import DeliveryRecorder
from services.explain import ExplainService
from services.plan import PlanService
from services.template_choice import TemplateChooser
from storage.uow import SqlUnitOfWork
from templates.adapter import Templates


@dataclass
class ScriptedProvider:
    """Answers with the next of its script, and keeps what it was asked."""

    channel: Channel = Channel.EMAIL
    recovery: Recovery = Recovery.SAME_KEY
    script: list[SendOutcome | Callable[[OutboundMessage], SendOutcome]] = field(
        default_factory=list
    )
    found: tuple[Found, ...] | None = ()
    sent: list[OutboundMessage] = field(default_factory=list)
    asked: list[OutboundMessage] = field(default_factory=list)
    name: str = "scripted"

    async def send(self, message: OutboundMessage) -> SendOutcome:
        self.sent.append(message)
        if not self.script:
            return Accepted(f"m-{uuid4()}")
        step = self.script.pop(0)
        return step(message) if callable(step) else step

    async def find(self, message: OutboundMessage) -> tuple[Found, ...] | None:
        self.asked.append(message)
        return self.found

    async def track(self, provider_message_id: str) -> Receipt | None:
        return None

    async def verify_webhook(self, headers: Mapping[str, str], body: bytes, url: str) -> None:
        return None

    def parse_webhook(self, body: bytes) -> tuple[Callback, ...]:
        return ()

    async def validate_configuration(self) -> tuple[ConfigurationProblem, ...]:
        return ()

    async def aclose(self) -> None:
        return None

    def for_channel(self, channel: Channel) -> "ScriptedProvider":
        return self


class SilentStarter:
    """Temporal is elsewhere in these tests."""

    def start(self, notification_id: UUID, redrives: int = 0, about: object = None) -> None:
        return None

    def signal(self, signal_id: UUID, notification_id: UUID, redrives: int, kind: str) -> None:
        return None


def now() -> datetime:
    return datetime.now(UTC)


class Core:
    """The services around one ledger."""

    def __init__(self, uow: SqlUnitOfWork) -> None:
        self.uow = uow
        self.provider = ScriptedProvider()
        renderer, starter, catalogue = Templates(), SilentStarter(), Catalogue(uow)
        self.accepting = AcceptService(
            uow, catalogue, TemplateChooser(catalogue, renderer), starter, now, b"h" * 32
        )
        self.cancelling = CancelService(uow, starter, now)
        self.amending = AmendService(uow, self.accepting, starter, now)
        self.explaining = ExplainService(uow)
        self.planning = PlanService(uow, {})
        links = SignedLinks("http://127.0.0.1:8000", b"l" * 32)
        self.delivering = DeliverService(
            uow,
            self.provider,
            MessageComposer(renderer, catalogue, links),
            DeliveryRecorder(uow, now),
            now,
        )

    async def user(self, **profile: object) -> str:
        user_id = f"user-{uuid4().hex[:12]}"
        fields = {"email": f"{user_id}@example.com", "timezone": "UTC"} | profile
        async with self.uow() as tx:
            await tx.users.put(User(user_id, now(), now(), **fields))  # type: ignore[arg-type]
        return user_id

    async def accept(self, user_id: str, **fields: object) -> UUID:
        body = {
            "userId": user_id, "type": "application_update", "title": f"T {uuid4()}",
            "content": "Words.", "channels": ["email"],
        } | fields  # fmt: skip
        result = await self.accepting.accept(NewNotification.model_validate(body))
        return result.view.notification.id

    async def plan(
        self, notification_id: UUID, *, at: datetime | None = None,
        trigger: PlanTrigger = PlanTrigger.ACCEPTED,
    ) -> PlanResult:  # fmt: skip
        return await self.planning.plan(
            PlanInput(notification_id=notification_id, now=at or now(), trigger=trigger)
        )

    async def deliver(
        self, notification_id: UUID, channel: Channel = Channel.EMAIL
    ) -> DeliverResult:
        return await self.delivering.deliver(
            DeliverInput(notification_id=notification_id, channel=channel, now=now())
        )

    async def view(self, notification_id: UUID) -> NotificationView:
        async with self.uow() as tx:
            view = await tx.notifications.get(notification_id)
        assert view is not None
        return view


@pytest.fixture
async def core(uow: SqlUnitOfWork) -> AsyncIterator[Core]:
    yield Core(uow)


HOUR = timedelta(hours=1)
