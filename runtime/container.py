"""Every service of a process and what each is made of: one container for each process.

`async with Container.open(settings) as container:` may come before the process's database, cache
or Temporal do.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import UUID

from providers.phone import country_of, to_e164
from runtime.adapters import Adapters, open_adapters, utc_now
from runtime.callback_tasks import BackgroundCallbacks
from runtime.campaign_starter import BackgroundCampaigns
from runtime.health_checks import health_checks
from runtime.settings import Settings
from runtime.starter import BackgroundStarter
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
from services.operations.health import HealthService
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


class Container:
    """Services by the name of what they do, and the adapters that routers use themselves. One flat
    class: whoever looks for a service finds its name and its parts here, and nothing else."""

    def __init__(self, adapters: Adapters) -> None:
        self.settings = adapters.settings
        self.uow = adapters.uow
        self.redis = adapters.redis
        self.inbox_bus = adapters.inbox_bus
        self.quotas = adapters.quotas
        self.links = adapters.links
        self.link_key = adapters.link_key
        self.clock = utc_now
        self.starter = BackgroundStarter(
            adapters.gateway, self._on_told, on_urgent=adapters.precedence.claim
        )
        self.catalogue = Catalogue(self.uow)
        self._adapters = adapters
        self._replanning = Replanning(self.starter, self.clock)
        self._chooser = TemplateChooser(self.catalogue, adapters.renderer)
        self._attachments = AttachmentService(adapters.attachments, adapters.attachment_hosts)
        self._composer = MessageComposer(adapters.renderer, self.catalogue, self.links)
        self._sms_craft = SmsCraft(
            self.settings.sms_price_book(), country_of, self.settings.sms_least_saving
        )
        self._throttles = self.settings.throttles_a_minute()
        self._wire_notifications()
        self._wire_delivery()
        self._wire_campaigns()
        self._wire_announcements()
        self._wire_digests()
        self._wire_people()
        self._wire_catalogue()
        self._wire_feedback()
        self._wire_operations()
        self._wire_access()

    def _wire_notifications(self) -> None:
        uow, starter, clock = self.uow, self.starter, self.clock
        self.accept = AcceptService(
            uow,
            self.catalogue,
            self._chooser,
            self._attachments,
            starter,
            clock,
            self._adapters.hash_key,
            VariantService(uow),
        )
        self.cancel = CancelService(uow, starter, clock)
        self.cancel_many = CancelManyService(uow, starter, clock)
        self.amend = AmendService(uow, self.accept, starter, clock)
        self.explain = ExplainService(uow)
        read_many = ReadManyService(uow, self.inbox_bus, starter, clock)
        self.notifications = NotificationService(uow, self.cancel_many, read_many)
        self.relay = RelayService(uow, self._adapters.gateway, clock)
        self.ab_tests = ABTestService(uow, clock)
        self.ab_test_relay = ABTestRelay(uow, self._adapters.ab_test_gateway, clock)

    def _wire_delivery(self) -> None:
        """Planning and delivering, one by one and in batches."""
        uow, clock, adapters = self.uow, self.clock, self._adapters
        facts, maker = FactReader(self._throttles), PlanMaker(self.settings.number_limits())
        self.plan = PlanService(uow, facts, maker)
        composer, recorder = self._composer, DeliveryRecorder(uow, clock)
        routing = Routing(
            adapters.registry, adapters.breakers, adapters.limits, self._sms_craft.order
        )
        craft = MessageCraft(
            self.links, self._sms_craft, self.settings.email_from, self.settings.sms_senders()
        )
        attempts = Attempts(uow, routing, composer, craft, self._attachments, clock)
        self.deliver = DeliverService(uow, routing, composer, craft, attempts, recorder, clock)
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

    def _wire_campaigns(self) -> None:
        uow, clock, adapters = self.uow, self.clock, self._adapters
        starter = BackgroundCampaigns(self.starter, adapters.campaign_gateway, uow)
        checks = CampaignChecks(self.catalogue, self._chooser, adapters.renderer)
        patience = self.settings.provider_timeout + CALL_MARGIN
        sweep = CampaignSweep(uow, self.cancel, clock, patience)
        self.campaigns = CampaignService(uow, checks, starter, sweep, clock)
        self.campaign_board = CampaignBoard(self.campaigns)
        self.campaign_run = CampaignRunService(uow, checks, sweep, clock)
        composer = CampaignComposer(adapters.renderer, self.catalogue, self.links)
        self.campaign_tests = CampaignTestSend(uow, checks, composer, adapters.registry, clock)
        self.campaign_chunks = CampaignChunkService(
            uow,
            self.catalogue,
            composer,
            CampaignRoute(adapters.registry, adapters.breakers, adapters.limits),
            self._throttles,
            self.accept,
            self.starter,
            adapters.precedence,
            clock,
        )
        self.campaign_engagement = CampaignEngagement(uow, clock)
        self.campaign_explain = CampaignExplainService(uow, self.catalogue, self._throttles, clock)
        self.campaign_retention = CampaignRetention(uow, self.settings.campaign_retention(), clock)
        self.campaign_relay = CampaignRelay(uow, adapters.campaign_gateway, clock)

    def _wire_announcements(self) -> None:
        uow, clock = self.uow, self.clock
        self.announcements = AnnouncementService(uow, self.inbox_bus, self.starter, clock)
        self.announcement_inbox = AnnouncementInbox(uow, clock)
        self.announcement_sender = CampaignSender(uow, self.campaigns, clock)
        self.announcement_relay = AnnouncementRelay(uow, self._adapters.gateway, clock)

    def _wire_digests(self) -> None:
        self.digests = DigestService(
            self.uow,
            self.catalogue,
            ItemWords(self._composer, self.catalogue),
            self._adapters.gateway,
            self.starter,
            self.clock,
            self._adapters.hash_key,
        )
        self.digest_relay = DigestRelay(self.uow, self.digests, self.clock)

    def _wire_people(self) -> None:
        uow, clock, replanning = self.uow, self.clock, self._replanning
        self.users = UserService(uow, to_e164, replanning, self.cancel, clock)
        self.devices = DeviceService(uow, clock)
        self.inbox = InboxService(uow, self.inbox_bus, self.starter, clock)
        self.preferences = PreferenceService(uow, self.catalogue, replanning, clock)
        self.consents = ConsentService(uow, replanning, clock)
        self.subscriptions = SubscriptionService(
            uow, self.catalogue, replanning, clock, self.link_key
        )
        self.suppressions = SuppressionService(uow, to_e164, clock)
        self.audiences = AudienceService(uow)
        self.audience_lists = AudienceListService(uow, clock)

    def _wire_catalogue(self) -> None:
        uow, clock, catalogue = self.uow, self.clock, self.catalogue
        self.types = TypeService(uow, catalogue, clock)
        self.templates = TemplateService(uow, catalogue, self._adapters.renderer, clock)
        self.sms_estimates = SmsEstimateService(self._sms_craft, catalogue, self.templates, to_e164)

    def _wire_feedback(self) -> None:
        """What vendors and people tell of messages that left."""
        uow, clock = self.uow, self.clock
        receipts = ReceiptService(clock)
        self.engagement = EngagementService(uow, receipts, self.starter, clock)
        sender, contact = self.settings.help_words()
        help_ = SmsHelp(sender, contact, self.settings.number_limits(), clock)
        replies = SmsReplyService(self._replanning, help_, to_e164, clock)
        self.callback_tasks = BackgroundCallbacks(self._apply_callback)
        self.callbacks = CallbackService(
            uow,
            {provider.name: provider for provider in self._adapters.registry.all()},
            CallbackEffects(receipts, self.engagement, replies, self.campaign_engagement),
            self.callback_tasks,
            clock,
        )

    def _wire_operations(self) -> None:
        uow, clock, adapters = self.uow, self.clock, self._adapters
        vendors = [one for one in adapters.registry.all() if one.name != "inbox"]
        self.audit = AuditService(uow)
        self.dead_letters = DeadLetterService(uow, self.starter, clock)
        self.health = HealthService(health_checks(adapters))
        self.maintenance = MaintenanceService(
            uow, self.devices, self.callbacks, self.campaign_retention, clock
        )
        self.provider_control = ProviderControl(uow, vendors, adapters.breakers, clock)
        self.reports = ReportService(uow, clock)

    def _wire_access(self) -> None:
        uow, clock, first_key = self.uow, self.clock, self.settings.api_key
        self.tokens = TokenService(uow, clock, self._adapters.token_key)
        self.access = AccessService(
            uow, self.tokens, clock, first_key.get_secret_value() if first_key else None
        )
        self.api_keys = ApiKeyService(uow, self.access, clock)
        self.idempotency = IdempotencyService(uow, clock)

    async def _apply_callback(self, callback_id: UUID) -> None:
        await self.callbacks.apply(callback_id)

    async def _on_told(self, signal_id: UUID) -> None:
        await self.relay.mark_told([signal_id])

    @staticmethod
    @asynccontextmanager
    async def open(settings: Settings) -> AsyncIterator["Container"]:
        """Opens everything; closes it in reverse, from what was handed to the background on."""
        async with open_adapters(settings) as adapters:
            container = Container(adapters)
            async with container.starter, container.callback_tasks:
                yield container
