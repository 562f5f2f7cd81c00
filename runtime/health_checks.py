"""How it is asked whether each part a process stands on is well."""

from functools import partial

from domain.ports.providers import Provider
from runtime.adapters import Adapters
from services.operations.health import Check


def health_checks(adapters: Adapters) -> list[Check]:
    """The database first, without which nothing goes; the vendors last."""

    async def database() -> None:
        async with adapters.uow() as tx:
            await tx.operations.paused()

    async def cache() -> None:
        await adapters.redis.ping()

    async def provider(one: Provider) -> None:
        problems = await one.validate_configuration()
        if problems:
            raise RuntimeError("; ".join(f"{p.setting}: {p.detail}" for p in problems))

    return [
        Check("database", database, needed=True),
        Check("temporal", adapters.gateway.check),
        Check("cache", cache),
        *(Check(one.name, partial(provider, one)) for one in adapters.registry.all()),
    ]
