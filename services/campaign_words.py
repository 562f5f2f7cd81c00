"""What a campaign says to each of its recipients. Deterministic: a second attempt says the same."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol
from uuid import UUID

from domain.campaigns.ids import recipient_id
from domain.campaigns.records import Campaign
from domain.campaigns.shapes import CampaignWords, Variant
from domain.commands import NewNotification
from domain.content import RenderedMessage
from domain.enums import Channel, ConsentType, Priority
from domain.ports.campaigns import ChunkLine
from domain.ports.providers import OutboundMessage
from domain.ports.runtime import RenderProblem, TemplateRendererPort
from domain.records import NotificationType, TemplateVersion, User
from services.catalogue import Catalogue
from services.locales import choose_locale
from services.tracking import tracked_message


class CampaignLinks(Protocol):
    def preferences(self, user_id: str) -> str: ...

    def campaign_unsubscribe(
        self, user_id: str, type_name: str, campaign_id: UUID, ordinal: int
    ) -> str: ...

    def campaign_opened(self, campaign_id: UUID, ordinal: int) -> str: ...

    def campaign_clicked(self, campaign_id: UUID, ordinal: int, url: str) -> str: ...

    def is_own(self, url: str) -> bool: ...


@dataclass(frozen=True, slots=True)
class _RecipientLinks:
    """The tracking links of one recipient, as `tracked_message` asks for them."""

    links: CampaignLinks
    campaign_id: UUID
    ordinal: int

    def opened(self, _notification_id: UUID, _channel: Channel) -> str:
        return self.links.campaign_opened(self.campaign_id, self.ordinal)

    def clicked(self, _notification_id: UUID, _channel: Channel, url: str) -> str:
        return self.links.campaign_clicked(self.campaign_id, self.ordinal, url)

    def is_own(self, url: str) -> bool:
        return self.links.is_own(url)


@dataclass(frozen=True, slots=True)
class Edition:
    """A campaign's words with its templates, for any number of recipients."""

    campaign: Campaign
    kind: NotificationType
    templates: Mapping[str, TemplateVersion]
    """Locale → pinned version; empty for title and content."""
    links: CampaignLinks
    renderer: TemplateRendererPort
    locales: dict[tuple[str | None, str | None], str] = field(default_factory=dict)

    def email(self, line: ChunkLine, now: datetime) -> OutboundMessage:
        """Raises `RenderProblem` naming what is missing."""
        return self.to(line, line.user.email or "", now)

    def to(self, line: ChunkLine, address: str, now: datetime) -> OutboundMessage:
        """The email for this recipient, at any address."""
        campaign, user = self.campaign, line.user
        words, variant = campaign.words, self.variant_of(line)
        unsubscribe = self.links.campaign_unsubscribe(
            user.id, campaign.type, campaign.id, line.ordinal
        )
        context = self._context(line.user, words, variant, unsubscribe)
        rendered = self._rendered(line, context, words, variant)
        message = tracked_message(
            rendered,
            _RecipientLinks(self.links, campaign.id, line.ordinal),
            self.kind,
            line.consents.get(ConsentType.TRACKING),
            campaign.id,
        )
        message_id = recipient_id(campaign.id, line.ordinal)
        return OutboundMessage(
            delivery_id=message_id,
            notification_id=message_id,
            user_id=user.id,
            channel=Channel.EMAIL,
            type=campaign.type,
            category=campaign.category,
            priority=Priority.LOW,
            target=address,
            message=message,
            sender=(variant.sender if variant else None) or words.sender,
            reply_to=str(words.reply_to) if words.reply_to else None,
            headers={}
            if self.kind.legally_transactional
            else {
                "List-Unsubscribe": f"<{unsubscribe}>",
                "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
            },
            first_tried_at=now,
            campaign_id=campaign.id,
        )

    def notification(self, line: ChunkLine) -> NewNotification:
        """The same words as a notification of its own, for the other channels."""
        words, variant = self.campaign.words, self.variant_of(line)
        titled = variant if variant and variant.title is not None else words
        written = variant if variant and variant.content is not None else words
        return NewNotification(
            user_id=line.user.id,
            type=self.campaign.type,
            title=titled.title,
            content=written.content,
            data=dict(self.data_of(line)),
            template=words.template,
            channels=(line.channel,),
            priority=Priority.LOW,
            dedup_key=f"campaign/{self.campaign.id}/{line.ordinal}",
        )

    def variant_of(self, line: ChunkLine) -> Variant | None:
        """The one drawn for the recipient; outside the test, the winner."""
        test = self.campaign.test
        place = line.variant if line.variant is not None else self.campaign.winner
        return test.variants[place] if test is not None and place is not None else None

    def data_of(self, line: ChunkLine) -> Mapping[str, Any]:
        variant = self.variant_of(line)
        return {**self.campaign.words.data, **(variant.data if variant else {})}

    def _rendered(
        self,
        line: ChunkLine,
        context: Mapping[str, Any],
        words: CampaignWords,
        variant: Variant | None,
    ) -> RenderedMessage:
        locale = self._locale(line)
        rendered = self.renderer.render(self.templates.get(locale), Channel.EMAIL, context)
        subject = (variant.subject if variant else None) or words.subject
        if subject is None:
            return rendered
        line_of = self.renderer.render_line(subject, context, locale)
        return rendered.model_copy(update={"subject": line_of})

    def _locale(self, line: ChunkLine) -> str:
        if not self.templates:
            return ""
        wanted = (line.preferences.language, line.user.locale)
        if wanted not in self.locales:
            self.locales[wanted] = choose_locale(list(self.templates), wanted)
        return self.locales[wanted]

    def _context(
        self, user: User, words: CampaignWords, variant: Variant | None, unsubscribe: str
    ) -> Mapping[str, Any]:
        data = {**words.data, **variant.data} if variant else words.data
        titled = variant if variant and variant.title is not None else words
        written = variant if variant and variant.content is not None else words
        return {
            "user": {
                "id": user.id,
                "name": user.name or "",
                "email": user.email or "",
                "locale": user.locale or "",
                "timezone": user.timezone or "",
                "country": user.country or "",
                "attributes": user.attributes,
            },
            "data": data,
            "title": titled.title or "",
            "content": written.content or "",
            "recommendations": data.get("recommendations", []),
            "notification": {"id": str(self.campaign.id), "type": self.campaign.type},
            "links": {"unsubscribe": unsubscribe, "preferences": self.links.preferences(user.id)},
        }


class CampaignComposer:
    """Makes editions, and remembers the last ones by their campaign's revision."""

    def __init__(
        self, renderer: TemplateRendererPort, catalogue: Catalogue, links: CampaignLinks
    ) -> None:
        self._renderer = renderer
        self._catalogue = catalogue
        self._links = links

    async def edition(self, campaign: Campaign) -> Edition:
        """Raises `RenderProblem("template_missing")`, `Invalid("unknown_type")`."""
        kind = await self._catalogue.type(campaign.type)
        templates: dict[str, TemplateVersion] = {}
        for locale, version in campaign.template_versions.items():
            key = campaign.words.template.key if campaign.words.template else kind.template_key
            found = await self._catalogue.pinned(key or "", locale, version)
            if found is None:
                raise RenderProblem("template_missing", f"The template {key!r} no longer exists.")
            templates[locale] = found
        return Edition(campaign, kind, templates, self._links, self._renderer)
