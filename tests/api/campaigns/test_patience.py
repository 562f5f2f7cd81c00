"""A pause and a cancel wait for a provider's answer as long as it may take by the settings."""

from datetime import timedelta

from runtime.container import Container
from runtime.embedded.stack import EmbeddedStack
from runtime.settings import Settings


async def test_patience_follows_the_providers_timeout(stack: EmbeddedStack, database: str) -> None:
    slow = timedelta(seconds=60)
    settings = Settings(
        DATABASE_URL=database,
        REDIS_URL=stack.redis_url,
        TEMPORAL_ADDRESS=stack.temporal_address,
        HERALD_PROVIDER_TIMEOUT=slow,
    )
    async with Container.open(settings) as container:
        assert container.campaigns._sweep._patience > slow
        assert container.campaign_run._sweep._patience > slow
