"""The only place where adapters are made: what reaches out of a process, and the keys it signs by.

Connections are opened lazily, so that a process may start before its database, cache or Temporal
do.
"""

import hashlib
import hmac
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime

from redis.asyncio import Redis
from temporalio.client import Client

from domain.attachments import AllowedHosts
from providers.attachments import HttpAttachmentFetcher
from providers.registry import ProviderRegistry
from runtime.ab_test_gateway import TemporalABTests
from runtime.campaign_gateway import TemporalCampaigns
from runtime.links import SignedLinks
from runtime.settings import Settings
from runtime.temporal import TemporalGateway, connect
from runtime.vendors import make_providers
from storage.breakers import ValkeyBreakers, ValkeyProviderLimits
from storage.encryption import KeyRing
from storage.engine import open_pool
from storage.inbox_bus import InboxBus
from storage.precedence import ValkeyPrecedence
from storage.quotas import ValkeyQuotas
from storage.uow import SqlUnitOfWork
from templates.adapter import Templates


class Adapters:
    """One of each, for every service of the process."""

    def __init__(
        self,
        settings: Settings,
        uow: SqlUnitOfWork,
        redis: "Redis",
        temporal: Client,
        inbox_bus: InboxBus,
    ) -> None:
        self.settings = settings
        self.uow = uow
        self.redis = redis
        self.inbox_bus = inbox_bus
        self.registry = ProviderRegistry(make_providers(settings, inbox_bus))
        secret = settings.token_secret.get_secret_value().encode()
        self.link_key = derive(secret, "links")
        self.token_key = derive(secret, "user tokens")
        self.hash_key = derive(secret, "content hashes")
        self.links = SignedLinks(settings.public_url, self.link_key)
        self.renderer = Templates()
        self.quotas = ValkeyQuotas(redis)
        self.precedence = ValkeyPrecedence(redis)
        self.breakers = ValkeyBreakers(
            redis, failures=settings.breaker_failures, cooldown=settings.breaker_cooldown
        )
        self.limits = ValkeyProviderLimits(redis, settings.provider_rates)
        self.gateway = TemporalGateway(temporal, self.hash_key)
        self.campaign_gateway = TemporalCampaigns(temporal, self.gateway)
        self.ab_test_gateway = TemporalABTests(temporal)
        self.attachment_hosts = AllowedHosts.parse(settings.attachment_hosts)
        self.attachments = HttpAttachmentFetcher(self.attachment_hosts, settings.provider_timeout)


@asynccontextmanager
async def open_adapters(settings: Settings) -> AsyncIterator[Adapters]:
    """Opens everything, closes it in reverse."""
    async with AsyncExitStack() as stack:
        uow = await stack.enter_async_context(open_storage(settings))
        redis = make_redis(settings)
        stack.push_async_callback(redis.aclose)
        temporal = await connect(settings.temporal_address, settings.temporal_namespace)
        bus = await stack.enter_async_context(InboxBus(redis))
        adapters = Adapters(settings, uow, redis, temporal, bus)
        stack.push_async_callback(adapters.registry.aclose)
        stack.push_async_callback(adapters.attachments.aclose)
        yield adapters


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


def utc_now() -> datetime:
    """The one clock of every process."""
    return datetime.now(UTC)
