"""The database as the services see it: one unit of work is one transaction.

`async with uow() as tx:` commits when the block ends and rolls back when it raises. Repositories
speak records; encryption, hashing and SQL are theirs. Every write that another process could
race is a compare-and-set whose answer says whether it took place. Each repository's port has the
file of its subject, here as in `storage/`.
"""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Protocol

from domain.ports.ab_tests import ABTestRepository
from domain.ports.announcements import AnnouncementRepository, AudienceMembership
from domain.ports.api_keys import ApiKeyRepository
from domain.ports.audience import AudienceListRepository, AudienceRepository
from domain.ports.callbacks import CallbackRepository, EngagementRepository
from domain.ports.campaigns import CampaignRepository
from domain.ports.catalogue import CatalogueRepository
from domain.ports.deliveries import DeliveryRepository
from domain.ports.devices import DeviceRepository
from domain.ports.digests import DigestRepository
from domain.ports.events import EventRepository, SignalOutbox
from domain.ports.idempotency import IdempotencyRepository
from domain.ports.inbox import InboxRepository
from domain.ports.messages import MessageRepository
from domain.ports.notifications import NotificationRepository
from domain.ports.operations import OperationsRepository
from domain.ports.planning import PlanningRepository
from domain.ports.sms import NumberUsageRepository, ReportRepository
from domain.ports.upkeep import UpkeepRepository
from domain.ports.users import UserRepository


class Transaction(Protocol):
    """The repositories of one open transaction."""

    @property
    def notifications(self) -> NotificationRepository: ...
    @property
    def planning(self) -> PlanningRepository: ...
    @property
    def deliveries(self) -> DeliveryRepository: ...
    @property
    def inbox(self) -> InboxRepository: ...
    @property
    def users(self) -> UserRepository: ...
    @property
    def devices(self) -> DeviceRepository: ...
    @property
    def catalogue(self) -> CatalogueRepository: ...
    @property
    def idempotency(self) -> IdempotencyRepository: ...
    @property
    def operations(self) -> OperationsRepository: ...
    @property
    def api_keys(self) -> ApiKeyRepository: ...
    @property
    def events(self) -> EventRepository: ...
    @property
    def signals(self) -> SignalOutbox: ...
    @property
    def campaigns(self) -> CampaignRepository: ...
    @property
    def upkeep(self) -> UpkeepRepository: ...
    @property
    def messages(self) -> MessageRepository: ...
    @property
    def sms_usage(self) -> NumberUsageRepository: ...
    @property
    def reports(self) -> ReportRepository: ...
    @property
    def callbacks(self) -> CallbackRepository: ...
    @property
    def engagement(self) -> EngagementRepository: ...
    @property
    def ab_tests(self) -> ABTestRepository: ...
    @property
    def announcements(self) -> AnnouncementRepository: ...
    @property
    def membership(self) -> AudienceMembership: ...
    @property
    def audiences(self) -> AudienceRepository: ...
    @property
    def audience_lists(self) -> AudienceListRepository: ...
    @property
    def digests(self) -> DigestRepository: ...


UnitOfWork = Callable[[], AbstractAsyncContextManager[Transaction]]
"""Opens a transaction: `async with uow() as tx:`."""
