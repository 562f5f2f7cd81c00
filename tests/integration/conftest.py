"""The core services over a real database, with a provider that does as it is told."""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest

from domain.attachments import AllowedHosts
from domain.callbacks import Callback, Receipt
from domain.commands import NewNotification
from domain.enums import Channel, PlanTrigger
from domain.messages import DeliverInput, DeliverResult, PlanInput, PlanResult
from domain.ports.breakers import BreakerState, BreakerView
from domain.ports.digests import DigestGateway, WaitingDigest
from domain.ports.providers import (
    Accepted,
    ConfigurationProblem,
    Found,
    OutboundMessage,
    Recovery,
    SendOutcome,
)
from domain.ports.runtime import Clock, Starter
from domain.records.notifications import NotificationView
from domain.records.people import User
from domain.sms.pricing import list_prices
from providers.attachments import HttpAttachmentFetcher
from providers.phone import country_of
from runtime.links import SignedLinks
from services.ab.variants import VariantService
from services.catalogue.reading import Catalogue
from services.delivery.attempt import Attempts
from services.delivery.craft import MessageCraft
from services.delivery.deliver import DeliverService
from services.delivery.message import MessageComposer
from services.delivery.record import DeliveryRecorder
from services.delivery.routing import Routing
from services.digests.items import ItemWords
from services.digests.service import DigestService
from services.notifications.accept import AcceptService
from services.notifications.amend import AmendService
from services.notifications.attachments import AttachmentService
from services.notifications.cancel import CancelService
from services.notifications.explain import ExplainService
from services.notifications.plan import PlanService
from services.notifications.plan_facts import FactReader
from services.notifications.plan_making import PlanMaker
from services.notifications.template_choice import TemplateChooser
from services.sms.compliance import SmsCraft
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


class Breakers:
    """Circuits and limits as the test sets them."""

    def __init__(self) -> None:
        self.resting: dict[str, timedelta] = {}
        self.rests: list[dict[str, timedelta]] = []
        """The answers to the next questions; `resting` is that to all others."""
        self.waits: list[timedelta] = []
        self.heard: list[tuple[str, bool]] = []
        self.paced: list[tuple[str, float, int]] = []

    async def rest(self, providers: Sequence[str]) -> Mapping[str, timedelta]:
        resting = self.rests.pop(0) if self.rests else self.resting
        return {name: resting[name] for name in providers if name in resting}

    async def note(self, provider: str, *, healthy: bool) -> None:
        self.heard.append((provider, healthy))

    async def view(self, provider: str) -> BreakerView:
        return BreakerView(BreakerState.CLOSED, 0)

    async def reserve(
        self, provider: str, delivery_id: UUID, *, urgent: bool, count: int = 1
    ) -> timedelta:
        return self.waits.pop(0) if self.waits else timedelta(0)

    async def pace(
        self,
        line: str,
        rate: float,
        place: UUID,
        *,
        urgent: bool = False,
        count: int = 1,
        keep: bool = False,
    ) -> timedelta:
        self.paced.append((line, rate, count))
        return self.waits.pop(0) if self.waits else timedelta(0)


class SilentStarter:
    """Temporal is elsewhere in these tests."""

    def __init__(self) -> None:
        self.started: list[UUID] = []

    def start(self, notification_id: UUID, redrives: int = 0, about: object = None) -> None:
        self.started.append(notification_id)

    def start_batch(self, batch_id: UUID, size: int) -> None:
        return None

    def signal(self, signal_id: UUID, notification_id: UUID, redrives: int, kind: str) -> None:
        return None


class DigestCalls:
    """Where a digest's workflow would be started or told."""

    def __init__(self) -> None:
        self.told: list[WaitingDigest] = []
        self.troubles: list[Exception] = []

    async def wake_digest(self, digest: WaitingDigest) -> None:
        if self.troubles:
            raise self.troubles.pop(0)
        self.told.append(digest)


def now() -> datetime:
    return datetime.now(UTC)


class Core:
    """The services around one ledger."""

    def __init__(
        self,
        uow: SqlUnitOfWork,
        *,
        starter: Starter | None = None,
        digest_gateway: DigestGateway | None = None,
        clock: Clock = now,
    ) -> None:
        self.uow = uow
        self.provider = ScriptedProvider()
        self.breakers = Breakers()
        self.second: ScriptedProvider | None = None
        self.routing = Routing(self, self.breakers, self.breakers)
        hosts = AllowedHosts()
        attachments = AttachmentService(HttpAttachmentFetcher(hosts, timedelta(seconds=5)), hosts)
        renderer, catalogue = Templates(), Catalogue(uow)
        self.starter = starter = starter or SilentStarter()
        chooser, variants = TemplateChooser(catalogue, renderer), VariantService(uow)
        self.accepting = AcceptService(
            uow, catalogue, chooser, attachments, starter, clock, b"h" * 32, variants
        )
        self.cancelling = CancelService(uow, starter, now)
        self.amending = AmendService(uow, self.accepting, starter, now)
        self.explaining = ExplainService(uow)
        self.planning = PlanService(uow, FactReader({}), PlanMaker())
        links = SignedLinks("http://127.0.0.1:8000", b"l" * 32)
        composer = MessageComposer(renderer, catalogue, links)
        words = ItemWords(composer, catalogue)
        self.digest_calls = DigestCalls()
        gateway = digest_gateway or self.digest_calls
        self.digesting = DigestService(uow, catalogue, words, gateway, starter, clock, b"h" * 32)
        craft = MessageCraft(links, SmsCraft(list_prices(), country_of), "jobs@example.com")
        attempts = Attempts(uow, self.routing, composer, craft, attachments, now)
        self.delivering = DeliverService(
            uow, self.routing, composer, craft, attempts, DeliveryRecorder(uow, now), now
        )

    def ordered(self, channel: Channel) -> tuple[ScriptedProvider, ...]:
        return (self.provider, self.second) if self.second else (self.provider,)

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
