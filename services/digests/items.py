"""The words of a digest's items: a notification's own title, else what its template says."""

from dataclasses import dataclass
from typing import Final

from domain.content import RenderedMessage
from domain.digests.shapes import DigestItem
from domain.enums import Channel
from domain.ports.deliveries import DeliveryJob
from domain.ports.digests import ClaimedItem
from domain.ports.runtime import RenderProblem
from domain.preferences import Preferences
from domain.records.catalogue import NotificationType
from domain.records.people import User
from services.catalogue.reading import Catalogue
from services.delivery.message import MessageComposer

_SHORT_FORMS: Final = (Channel.WEBSOCKET, Channel.PUSH, Channel.EMAIL)
"""Where a template has a title, the shortest words first."""


@dataclass(frozen=True, slots=True)
class ItemWords:
    composer: MessageComposer
    catalogue: Catalogue

    async def of(self, item: ClaimedItem, user: User, preferences: Preferences) -> DigestItem:
        notification, content = item.view.notification, item.view.content
        title, text = content.title, content.content
        if title is None:
            kind = await self.catalogue.type(notification.type)
            rendered = await self._rendered(item, kind, user, preferences)
            title, text = rendered.title or rendered.subject, text or rendered.text
        url = content.data.get("url")
        return DigestItem(
            notification_id=notification.id,
            type=notification.type,
            category=notification.category,
            channels=item.channels,
            strategy=notification.strategy,
            created_at=notification.created_at,
            title=title or _spelled_out(notification.type),
            content=text or None,
            url=url if isinstance(url, str) else None,
        )

    async def _rendered(
        self, item: ClaimedItem, kind: NotificationType, user: User, preferences: Preferences
    ) -> RenderedMessage:
        """Nothing when no part of the template can be rendered: an item must not stop a digest."""
        view = item.view
        job = DeliveryJob(
            view.notification, view.content, kind, user, preferences, (), (), None, {}
        )
        for channel in _SHORT_FORMS:
            try:
                return await self.composer.render(job, channel)
            except RenderProblem:
                continue
        return RenderedMessage()


def _spelled_out(type_name: str) -> str:
    return type_name.replace("_", " ").capitalize()
