"""Types and templates as the hot paths read them: remembered for a few seconds.

A change made through the API is seen by this process at once (`forget`) and by the others when
their memory runs out, at most `ttl` later.
"""

from datetime import datetime, timedelta

from cachetools import TTLCache

from domain.errors import FieldError, Invalid
from domain.ports.storage import UnitOfWork
from domain.records.catalogue import NotificationType, TemplateVersion

_TTL = timedelta(seconds=5)


class Catalogue:
    """Reads through to the database; holds at most 10,000 templates."""

    def __init__(self, uow: UnitOfWork, ttl: timedelta = _TTL) -> None:
        self._uow = uow
        self._types: TTLCache[str, NotificationType] = TTLCache(1_000, ttl.total_seconds())
        self._templates: TTLCache[str, dict[str, TemplateVersion]] = TTLCache(
            10_000, ttl.total_seconds()
        )
        self._pinned: TTLCache[tuple[str, str, int], TemplateVersion] = TTLCache(10_000, 7_200)

    async def type(self, name: str) -> NotificationType:
        """Raises `Invalid("unknown_type")`."""
        known = self._types.get(name)
        if known is not None:
            return known
        async with self._uow() as tx:
            for item in await tx.catalogue.types():
                self._types[item.type] = item
        known = self._types.get(name)
        if known is None:
            problem = FieldError("type", "unknown_type", f"There is no notification type {name!r}.")
            raise Invalid("unknown_type", problem.detail, errors=(problem,))
        return known

    async def published(self, key: str) -> dict[str, TemplateVersion]:
        """The newest published version in each locale; empty when there is none."""
        known = self._templates.get(key)
        if known is None:
            async with self._uow() as tx:
                versions = await tx.catalogue.template(key, published_only=True)
            known = {version.locale: version for version in versions}
            if known:
                self._templates[key] = known
        return known

    async def published_by(self, key: str, at: datetime) -> dict[str, TemplateVersion]:
        """The newest version in each locale that was published at `at` or before."""
        newest = await self.published(key)
        if all(version.created_at <= at for version in newest.values()):
            return newest
        async with self._uow() as tx:
            versions = await tx.catalogue.template(key, published_only=True, created_by=at)
        # None is there only when the clocks of two processes disagree.
        return {version.locale: version for version in versions} or newest

    async def pinned(self, key: str, locale: str, version: int) -> TemplateVersion | None:
        """One version, which never changes once it exists."""
        known = self._pinned.get((key, locale, version))
        if known is None:
            async with self._uow() as tx:
                found = await tx.catalogue.template(key, locale=locale, version=version)
            known = found[0] if found else None
            if known is not None:
                self._pinned[(key, locale, version)] = known
        return known

    def forget(self) -> None:
        """Something in the catalogue changed: read it again next time."""
        self._types.clear()
        self._templates.clear()
