"""From a job read in one go to the message a provider gets: context, words, options, headers."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Protocol
from uuid import UUID

from domain.content import Content, PushOptions, RenderedMessage
from domain.enums import Channel
from domain.ports.deliveries import DeliveryJob, Target
from domain.ports.providers import OutboundMessage
from domain.ports.runtime import RenderProblem, TemplateRendererPort
from domain.records.catalogue import NotificationType, TemplateVersion
from domain.records.notifications import Delivery, Notification
from services.catalogue.layouts import layout_of
from services.catalogue.locales import DEFAULT_LOCALE, choose_locale
from services.catalogue.reading import Catalogue
from services.delivery.craft import Crafted, thread_of


class Links(Protocol):
    """Signed links into Herald's own pages; the same input gives the same link."""

    def unsubscribe(
        self, user_id: str, type_name: str, notification_id: UUID | None = None
    ) -> str: ...

    def preferences(self, user_id: str) -> str: ...


@dataclass(frozen=True, slots=True)
class MessageComposer:
    """Renders a notification for one channel. Deterministic: a second attempt says the same,
    so that a provider asked about the first recognises it."""

    renderer: TemplateRendererPort
    catalogue: Catalogue
    links: Links

    async def render(self, job: DeliveryJob, channel: Channel) -> RenderedMessage:
        """Raises `RenderProblem` naming what is missing."""
        template, layout = await self._template(job), None
        if template is not None:
            accepted = job.notification.created_at
            layout = await layout_of(template, self.renderer, self.catalogue, accepted)
        rendered = self.renderer.render(template, channel, self._context(job), layout)
        email = job.content.email
        if channel is Channel.EMAIL and email is not None and email.subject is not None:
            rendered = replace(rendered, subject=email.subject)
        return rendered

    async def _template(self, job: DeliveryJob) -> TemplateVersion | None:
        notification = job.notification
        key = notification.template_key
        if key is None:
            return None
        if notification.template_version is not None and notification.template_locale is not None:
            pinned = await self.catalogue.pinned(
                key, notification.template_locale, notification.template_version
            )
            if pinned is not None:
                return pinned
        versions = await self.catalogue.published_by(key, notification.created_at)
        if not versions:
            raise RenderProblem("template_missing", f"The template {key!r} no longer exists.")
        return versions[choose_locale(list(versions), _languages(job))]

    def _context(self, job: DeliveryJob) -> Mapping[str, Any]:
        user, notification, content = job.user, job.notification, job.content
        return {
            "user": {
                "id": user.id,
                "name": user.name or "",
                "email": user.email or "",
                "phone": user.phone or "",
                "locale": user.locale or "",
                "timezone": user.timezone or "",
                "country": user.country or "",
                "attributes": dict(user.attributes),
            },
            "data": dict(content.data),
            "title": content.title or "",
            "content": content.content or "",
            "recommendations": content.data.get("recommendations", []),
            "notification": {
                "id": str(notification.id),
                "type": notification.type,
                "priority": notification.priority.value,
            },
            "locale": next((tag for tag in _languages(job) if tag), DEFAULT_LOCALE),
            "links": {
                "unsubscribe": self.links.unsubscribe(user.id, notification.type, notification.id),
                "preferences": self.links.preferences(user.id),
            },
        }

    @staticmethod
    def inbox_frame(job: DeliveryJob, rendered: RenderedMessage, seq: int) -> RenderedMessage:
        """The message with the data an open inbox connection shows."""
        notification = job.notification
        shown = {
            "id": str(notification.id),
            "seq": seq,
            "type": notification.type,
            "category": notification.category,
            "priority": notification.priority,
            "title": rendered.title,
            "content": rendered.text,
            "data": dict(job.content.data),
            "createdAt": notification.created_at.isoformat(),
            "readAt": None,
        }
        return replace(rendered, data={"seq": seq, "notification": shown})

    def outbound(
        self,
        job: DeliveryJob,
        line: Delivery,
        target: Target,
        crafted: Crafted,
        now: datetime,
        *,
        by_user: bool = False,
    ) -> OutboundMessage:
        """The complete message for one target, or for the user with all their devices."""
        notification, content = job.notification, job.content
        return OutboundMessage(
            delivery_id=line.id,
            notification_id=notification.id,
            user_id=notification.user_id,
            channel=line.channel,
            type=notification.type,
            category=notification.category,
            priority=notification.priority,
            target=notification.user_id if by_user else target.address,
            message=crafted.message,
            platform=target.platform,
            sender=_sender(content, line.channel),
            reply_to=_reply_to(content),
            headers=self._headers(job.type, notification),
            push=_push(content, crafted),
            thread=thread_of(notification.user_id, notification.category, content),
            time_to_live=notification.expires_at - now if notification.expires_at else None,
            first_tried_at=line.intent_at,
            by_user=by_user,
        )

    def _headers(self, kind: NotificationType, notification: Notification) -> Mapping[str, str]:
        if kind.legally_transactional:
            return {}
        link = self.links.unsubscribe(notification.user_id, kind.type, notification.id)
        return {
            "List-Unsubscribe": f"<{link}>",
            "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
        }


def _languages(job: DeliveryJob) -> tuple[str | None, str | None]:
    """The reader's languages, the one they chose first."""
    return job.preferences.language, job.user.locale


def _push(content: Content, crafted: Crafted) -> PushOptions | None:
    if crafted.badge is None:
        return content.push
    return (content.push or PushOptions()).model_copy(update={"badge": crafted.badge})


def _sender(content: Content, channel: Channel) -> str | None:
    if channel is Channel.EMAIL and content.email:
        return content.email.sender
    return content.sms.sender_id if content.sms and channel is Channel.SMS else None


def _reply_to(content: Content) -> str | None:
    return str(content.email.reply_to) if content.email and content.email.reply_to else None
