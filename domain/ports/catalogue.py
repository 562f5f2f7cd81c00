"""The catalogue in the database: notification types and templates."""

from datetime import datetime
from typing import Protocol

from domain.paging import Page, PageRequest
from domain.records.catalogue import NotificationType, TemplateSummary, TemplateVersion


class CatalogueRepository(Protocol):
    """Notification types and templates: few, read often."""

    async def types(self) -> tuple[NotificationType, ...]: ...

    async def type(self, name: str) -> NotificationType | None: ...

    async def put_type(self, item: NotificationType) -> None: ...

    async def seed_type(self, item: NotificationType) -> None:
        """Adds a starter type; one that is there, edited or not, stays."""

    async def add_template_version(self, template: TemplateVersion) -> TemplateVersion:
        """Appends; the version is the next free one of its (key, locale), and returned."""

    async def template(
        self,
        key: str,
        *,
        locale: str | None = None,
        version: int | None = None,
        published_only: bool = False,
        created_by: datetime | None = None,
    ) -> tuple[TemplateVersion, ...]:
        """The newest (or the given) version in each locale (or the given one), of those made by
        then."""

    async def templates(self, page: PageRequest) -> Page[TemplateSummary]: ...

    async def delete_template(self, key: str) -> bool: ...
