"""The only place where adapters are made and wired: one container for each process.

`async with Container.open(settings) as container:` opens connections lazily, so that a process
may start before its database, cache or Temporal do.
"""

import hashlib
import hmac
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from uuid import UUID

from redis.asyncio import Redis
from temporalio.client import Client

from domain.attachments import AllowedHosts
from domain.ports.providers import Provider
from providers.attachments import HttpAttachmentFetcher
from providers.phone import country_of, to_e164
from providers.registry import ProviderRegistry
from runtime.ab_tests import TemporalABTests
from runtime.callback_tasks import BackgroundCallbacks
from runtime.campaign_gateway import TemporalCampaigns
from runtime.campaign_starter import BackgroundCampaigns
from runtime.links import SignedLinks
from runtime.settings import Settings
from runtime.starter import BackgroundStarter
from runtime.temporal import TemporalGateway, connect
from runtime.vendors import make_providers
from services.ab.relay import ABTestRelay
from services.ab.service import ABTestService
from services.ab.variants import VariantService
from services.access.api_keys import ApiKeyService
from services.access.callers import AccessService
from services.access.idempotency import IdempotencyService
from services.access.tokens import TokenService
from services.announcements.inbox import AnnouncementInbox
from services.announcements.relay import AnnouncementRelay
from services.announcements.sender import CampaignSender
from services.announcements.service import AnnouncementService
from services.audience.lists import AudienceListService
from services.audience.preview import AudienceService
from services.bulk.batches import BulkBatchService
from services.bulk.deliver import BulkDeliverService
from services.bulk.plan import BulkPlanner
from services.bulk.prepare import BulkPreparer
from services.bulk.record import BulkRecorder
from services.bulk.recover import BulkRecovery
from services.campaigns.board import CampaignBoard
from services.campaigns.checks import CampaignChecks
from services.campaigns.chunks import CampaignChunkService
from services.campaigns.engagement import CampaignEngagement
from services.campaigns.explain import CampaignExplainService
from services.campaigns.relay import CampaignRelay
from services.campaigns.retention import CampaignRetention
from services.campaigns.route import CampaignRoute
from services.campaigns.run import CampaignRunService
from services.campaigns.service import CampaignService
from services.campaigns.sweep import CALL_MARGIN, CampaignSweep
from services.campaigns.test_send import CampaignTestSend
from services.campaigns.words import CampaignComposer
from services.catalogue.reading import Catalogue
from services.catalogue.templates import TemplateService
from services.catalogue.types import TypeService
from services.delivery.attempt import Attempts
from services.delivery.craft import MessageCraft
from services.delivery.deliver import DeliverService
from services.delivery.message import MessageComposer
from services.delivery.record import DeliveryRecorder
from services.delivery.routing import Routing
from services.digests.items import ItemWords
from services.digests.relay import DigestRelay
from services.digests.service import DigestService
from services.feedback.callbacks import CallbackService
from services.feedback.effects import CallbackEffects
from services.feedback.engagement import EngagementService
from services.feedback.receipts import ReceiptService
from services.notifications.accept import AcceptService
from services.notifications.amend import AmendService
from services.notifications.attachments import AttachmentService
from services.notifications.cancel import CancelService
from services.notifications.cancel_many import CancelManyService
from services.notifications.explain import ExplainService
from services.notifications.lookup import NotificationService
from services.notifications.plan import PlanService
from services.notifications.plan_facts import FactReader
from services.notifications.plan_making import PlanMaker
from services.notifications.read_many import ReadManyService
from services.notifications.relay import RelayService
from services.notifications.replanning import Replanning
from services.notifications.template_choice import TemplateChooser
from services.operations.audit import AuditService
from services.operations.dead_letters import DeadLetterService
from services.operations.health import Check, HealthService
from services.operations.maintenance import MaintenanceService
from services.operations.provider_control import ProviderControl
from services.operations.reports import ReportService
from services.people.consents import ConsentService
from services.people.devices import DeviceService
from services.people.inbox import InboxService
from services.people.preferences import PreferenceService
from services.people.subscriptions import SubscriptionService
from services.people.suppressions import SuppressionService
from services.people.users import UserService
from services.sms.compliance import SmsCraft, SmsEstimateService
from services.sms.help import SmsHelp
from services.sms.replies import SmsReplyService
from storage.breakers import ValkeyBreakers, ValkeyProviderLimits
from storage.encryption import KeyRing
from storage.engine import open_pool
from storage.inbox_bus import InboxBus
from storage.quotas import ValkeyQuotas
from storage.uow import SqlUnitOfWork
from templates.adapter import Templates

_MINUTE = timedelta(minutes=1)


def utc_now() -> datetime:
    """The one clock of every process."""
    return datetime.now(UTC)


class Container:
    """Every service of a process, by the name of what it does."""

    def __init__(
        self,
        settings: Settings,
        uow: SqlUnitOfWork,
        redis: "Redis",
        temporal: Client,
        registry: ProviderRegistry,
        bus: InboxBus,
    ) -> None:
        self.settings = settings
        self.uow = uow
        self.redis = redis
        self.temporal_client = temporal
        self.registry = registry
        self.inbox_bus = bus
        self.clock = utc_now
        secret = settings.token_secret.get_secret_value().encode()
        self.link_key = derive(secret, "links")
        self.token_key = derive(secret, "user tokens")
        self.hash_key = derive(secret, "content hashes")
        self.quotas = ValkeyQuotas(redis)
        self.gateway = TemporalGateway(temporal, self.hash_key)
        self.starter = BackgroundStarter(self.gateway, self._on_told)
        self.renderer = Templates()
        self.catalogue = Catalogue(uow)
        self.links = SignedLinks(settings.public_url, self.link_key)
        self.sms_craft = SmsCraft(settings.sms_price_book(), country_of, settings.sms_least_saving)
        self.closing: list[Callable[[], Awaitable[None]]] = []
        """What services opened for themselves."""
        self._wire_core()
        self._wire_campaigns()
        self._wire_announcements()
        self._wire_digests()
        self._wire_surfaces()

    def _wire_core(self) -> None:
        uow, clock = self.uow, self.clock
        self.chooser = TemplateChooser(self.catalogue, self.renderer)
        hosts = AllowedHosts.parse(self.settings.attachment_hosts)
        fetcher = HttpAttachmentFetcher(hosts, self.settings.provider_timeout)
        attachments = AttachmentService(fetcher, hosts)
        self.closing.append(fetcher.aclose)
        self.accept = AcceptService(
            uow,
            self.catalogue,
            self.chooser,
            attachments,
            self.starter,
            clock,
            self.hash_key,
            VariantService(uow),
        )
        self.cancel = CancelService(uow, self.starter, clock)
        self.cancel_many = CancelManyService(uow, self.starter, clock)
        self.amend = AmendService(uow, self.accept, self.starter, clock)
        self.explain = ExplainService(uow)
        self.throttles = {
            channel: (limit, _MINUTE) for channel, limit in self.settings.throttles.items()
        }
        facts, maker = FactReader(self.throttles), PlanMaker(self.settings.number_limits())
        self.plan_service = PlanService(uow, facts, maker)
        self.cancel_service = self.cancel
        self.breakers = ValkeyBreakers(
            self.redis,
            failures=self.settings.breaker_failures,
            cooldown=self.settings.breaker_cooldown,
        )
        self.limits = ValkeyProviderLimits(self.redis, self.settings.provider_rates)
        routing = Routing(self.registry, self.breakers, self.limits, self.sms_craft.order)
        composer = MessageComposer(self.renderer, self.catalogue, self.links)
        craft = MessageCraft(
            self.links, self.sms_craft, self.settings.email_from, self.settings.sms_senders()
        )
        recorder = DeliveryRecorder(uow, clock)
        attempts = Attempts(uow, routing, composer, craft, attachments, clock)
        self.deliver_service = DeliverService(
            uow, routing, composer, craft, attempts, recorder, clock
        )
        self.bulk_deliver = BulkDeliverService(
            uow,
            BulkPreparer(uow, BulkPlanner(facts, maker), routing, composer, craft, recorder, clock),
            BulkRecovery(uow, routing, composer, craft, clock),
            attempts,
            BulkRecorder(uow, recorder, clock),
            self.starter,
            clock,
        )
        self.bulk_batches = BulkBatchService(uow, self.cancel_many)
        self.relay_service = RelayService(uow, self.gateway, clock)
        self.ab_tests = ABTestService(uow, clock)
        self.ab_test_relay = ABTestRelay(uow, TemporalABTests(self.temporal_client), clock)

    def _wire_campaigns(self) -> None:
        uow, clock = self.uow, self.clock
        gateway = TemporalCampaigns(self.temporal_client, self.gateway)
        starter = BackgroundCampaigns(self.starter, gateway, uow)
        checks = CampaignChecks(self.catalogue, self.chooser, self.renderer)
        patience = self.settings.provider_timeout + CALL_MARGIN
        sweep = CampaignSweep(uow, self.cancel, clock, patience)
        self.campaigns = CampaignService(uow, checks, starter, sweep, clock)
        self.campaign_board = CampaignBoard(self.campaigns)
        self.campaign_run = CampaignRunService(uow, checks, sweep, clock)
        composer = CampaignComposer(self.renderer, self.catalogue, self.links)
        self.campaign_tests = CampaignTestSend(uow, checks, composer, self.registry, clock)
        self.campaign_chunks = CampaignChunkService(
            uow,
            self.catalogue,
            composer,
            CampaignRoute(self.registry, self.breakers, self.limits),
            self.throttles,
            self.accept,
            self.starter,
            clock,
        )
        self.campaign_engagement = CampaignEngagement(uow, clock)
        self.campaign_explain = CampaignExplainService(uow, self.catalogue, self.throttles, clock)
        self.campaign_relay = CampaignRelay(uow, gateway, clock)

    def _wire_announcements(self) -> None:
        uow, clock = self.uow, self.clock
        self.announcements = AnnouncementService(uow, self.inbox_bus, self.starter, clock)
        self.announcement_inbox = AnnouncementInbox(uow, clock)
        self.announcement_sender = CampaignSender(uow, self.campaigns, clock)
        self.announcement_relay = AnnouncementRelay(uow, self.gateway, clock)

    def _wire_digests(self) -> None:
        composer = MessageComposer(self.renderer, self.catalogue, self.links)
        self.digests = DigestService(
            self.uow,
            self.catalogue,
            ItemWords(composer, self.catalogue),
            self.gateway,
            self.starter,
            self.clock,
            self.hash_key,
        )
        self.digest_relay = DigestRelay(self.uow, self.digests, self.clock)

    def _wire_surfaces(self) -> None:
        """What only the API uses."""
        uow, clock, settings = self.uow, self.clock, self.settings
        first_key = settings.api_key.get_secret_value() if settings.api_key else None
        replanning = Replanning(self.starter, clock)
        self.tokens = TokenService(uow, clock, self.token_key)
        self.access = AccessService(uow, self.tokens, clock, first_key)
        self.api_keys = ApiKeyService(uow, self.access, clock)
        self.audit = AuditService(uow)
        self.audiences = AudienceService(uow)
        self.audience_lists = AudienceListService(uow, clock)
        self.consents = ConsentService(uow, replanning, clock)
        self.dead_letters = DeadLetterService(uow, self.starter, clock)
        self.devices = DeviceService(uow, clock)
        self.health = HealthService(self._checks())
        self.idempotency = IdempotencyService(uow, clock)
        self.inbox = InboxService(uow, self.inbox_bus, self.starter, clock)
        read_many = ReadManyService(uow, self.inbox_bus, self.starter, clock)
        self.notifications = NotificationService(uow, self.cancel_many, read_many)
        self.preferences = PreferenceService(uow, self.catalogue, replanning, clock)
        receipts = ReceiptService(clock)
        self.engagement = EngagementService(uow, receipts, self.starter, clock)
        self.callback_tasks = BackgroundCallbacks(self._apply_callback)
        self.callbacks = CallbackService(
            uow,
            {provider.name: provider for provider in self.registry.all()},
            CallbackEffects(
                receipts,
                self.engagement,
                self._sms_replies(replanning),
                self.campaign_engagement,
            ),
            self.callback_tasks,
            clock,
        )
        self.campaign_retention = CampaignRetention(uow, settings.campaign_retention(), clock)
        self.maintenance = MaintenanceService(
            uow, self.devices, self.callbacks, self.campaign_retention, clock
        )
        self.provider_control = ProviderControl(
            uow, [p for p in self.registry.all() if p.name != "inbox"], self.breakers, clock
        )
        self.subscriptions = SubscriptionService(
            uow, self.catalogue, replanning, clock, self.link_key
        )
        self.suppressions = SuppressionService(uow, to_e164, clock)
        self.templates = TemplateService(uow, self.catalogue, self.renderer, clock)
        self.reports = ReportService(uow, clock)
        self.sms_estimates = SmsEstimateService(
            self.sms_craft, self.catalogue, self.templates, to_e164
        )
        self.types = TypeService(uow, self.catalogue, clock)
        self.users = UserService(uow, to_e164, replanning, self.cancel, clock)

    def _sms_replies(self, replanning: Replanning) -> SmsReplyService:
        sender, contact = self.settings.help_words()
        help_ = SmsHelp(sender, contact, self.settings.number_limits(), self.clock)
        return SmsReplyService(replanning, help_, to_e164, self.clock)

    def _checks(self) -> list[Check]:
        async def database() -> None:
            async with self.uow() as tx:
                await tx.operations.paused()

        async def cache() -> None:
            await self.redis.ping()

        async def provider(one: Provider) -> None:
            problems = await one.validate_configuration()
            if problems:
                raise RuntimeError("; ".join(f"{p.setting}: {p.detail}" for p in problems))

        return [
            Check("database", database, needed=True),
            Check("temporal", self.gateway.check),
            Check("cache", cache),
            *(Check(one.name, partial(provider, one)) for one in self.registry.all()),
        ]

    async def _apply_callback(self, callback_id: UUID) -> None:
        await self.callbacks.apply(callback_id)

    async def _on_told(self, signal_id: UUID) -> None:
        await self.relay_service.mark_told([signal_id])

    @staticmethod
    @asynccontextmanager
    async def open(settings: Settings) -> AsyncIterator["Container"]:
        """Opens everything, closes it in reverse."""
        async with AsyncExitStack() as stack:
            uow = await stack.enter_async_context(open_storage(settings))
            redis = make_redis(settings)
            stack.push_async_callback(redis.aclose)
            temporal = await connect(settings.temporal_address, settings.temporal_namespace)
            bus = await stack.enter_async_context(InboxBus(redis))
            registry = ProviderRegistry(make_providers(settings, bus))
            stack.push_async_callback(registry.aclose)
            container = Container(settings, uow, redis, temporal, registry, bus)
            for close in container.closing:
                stack.push_async_callback(close)
            await stack.enter_async_context(container.starter)
            await stack.enter_async_context(container.callback_tasks)
            yield container


@asynccontextmanager
async def open_storage(settings: Settings) -> AsyncIterator[SqlUnitOfWork]:
    """Only the database, for what needs no more."""
    pool = await open_pool(settings.database_url.get_secret_value(), settings.database_pool)
    try:
        yield SqlUnitOfWork(pool, KeyRing(settings.master_key_ring()))
    finally:
        pool.terminate()


def make_redis(settings: Settings) -> "Redis":
    """RESP2, short time-outs: a cache that is away must not hold anybody up."""
    return Redis.from_url(
        settings.redis_url.get_secret_value(),
        protocol=2,
        socket_connect_timeout=1,
        socket_timeout=None,
        health_check_interval=15,
    )


def derive(secret: bytes, purpose: str) -> bytes:
    """A key of its own for each purpose, from one secret."""
    return hmac.new(secret, f"herald {purpose}".encode(), hashlib.sha256).digest()
