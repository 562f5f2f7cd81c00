"""What a campaign says to each of its recipients. Deterministic: a second attempt says the same."""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import count
from typing import Any, Final

from cachetools import LRUCache

from domain.ab.definition import Variant
from domain.campaigns.ids import carrier_key, recipient_id
from domain.campaigns.records import Campaign
from domain.commands import NewNotification
from domain.content import RenderedMessage
from domain.enums import Channel, ConsentType, Priority
from domain.ports.campaigns import ChunkLine
from domain.ports.providers import OutboundMessage
from domain.ports.runtime import RenderProblem, TemplateRendererPort
from domain.records.catalogue import NotificationType, TemplateVersion
from domain.records.people import User
from services.campaigns.fill import (
    COPIES,
    MAX_SUBJECT,
    Copies,
    Copy,
    MarkedLinks,
    copies_within,
    marked_links,
    marked_user,
)
from services.campaigns.links import CampaignLinks, RecipientLinks
from services.catalogue.layouts import layout_of
from services.catalogue.locales import DEFAULT_LOCALE, choose_locale
from services.catalogue.reading import Catalogue
from services.feedback.tracking import TrackingLinks, tracked_message

EDITIONS: Final = 20


@dataclass(frozen=True, slots=True)
class Edition:
    """A campaign's words with its templates, for any number of recipients."""

    campaign: Campaign
    kind: NotificationType
    templates: Mapping[str, TemplateVersion]
    """Locale → pinned version; empty for title and content."""
    layouts: Mapping[str, TemplateVersion | None]
    links: CampaignLinks
    renderer: TemplateRendererPort
    locales: dict[tuple[str | None, str | None], str] = field(default_factory=dict)
    copies: Copies = field(default_factory=lambda: copies_within(COPIES))
    number: int = 0
    """Tells its copies from those of other editions."""

    def email(self, line: ChunkLine, now: datetime) -> OutboundMessage:
        """Raises `RenderProblem` naming what is missing."""
        return self.to(line, line.user.email or "", now)

    def to(self, line: ChunkLine, address: str, now: datetime) -> OutboundMessage:
        """The email for this recipient, at any address."""
        campaign, words, variant = self.campaign, self.campaign.words, self.variant_of(line)
        unsubscribe = self.links.campaign_unsubscribe(
            line.user.id, campaign.type, campaign.id, line.ordinal
        )
        message_id = recipient_id(campaign.id, line.ordinal)
        return OutboundMessage(
            delivery_id=message_id,
            notification_id=message_id,
            user_id=line.user.id,
            channel=Channel.EMAIL,
            type=campaign.type,
            category=campaign.category,
            priority=campaign.priority,
            target=address,
            message=self._message(line, variant, unsubscribe),
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
            priority=self.campaign.priority,
            dedup_key=carrier_key(self.campaign.id, line.ordinal),
        )

    def _message(
        self, line: ChunkLine, variant: Variant | None, unsubscribe: str
    ) -> RenderedMessage:
        """Filled into a copy that is rendered already, where the template allows it."""
        user, campaign = line.user, self.campaign
        tracking = line.consents.get(ConsentType.TRACKING)
        locale = self._locale(line)
        key = (
            self.number, line.variant, locale, tracking, user.timezone, user.country, user.locale,
            not user.name, not user.email, not user.phone,
        )  # fmt: skip
        if key in self.copies:
            copy = self.copies[key]
        else:
            copy = self._copy(line, variant, tracking)
            with suppress(ValueError):  # larger than all copies may be together
                self.copies[key] = copy
        preferences = self.links.preferences(user.id)
        recipient = self.links.campaign_recipient(campaign.id, line.ordinal)
        if copy is None:
            real = {"unsubscribe": unsubscribe, "preferences": preferences}
            context = self._context(variant, _profile(user), real, locale)
            links = RecipientLinks(self.links, campaign.id, recipient)
            return self._rendered(context, locale, variant, links, tracking)
        fields = (user.id, user.name or "", user.email or "", user.phone or "")
        return copy.filled((*fields, unsubscribe, preferences, recipient))

    def _copy(self, line: ChunkLine, variant: Variant | None, tracking: bool | None) -> Copy | None:
        """None where the words hang on more than can be filled in."""
        locale = self._locale(line)
        template, layout = self.templates.get(locale), self.layouts.get(locale)
        subject = self._subject(variant)
        if not self.renderer.is_markable(template, Channel.EMAIL, layout, locale, subject):
            return None
        marked = {**_profile(line.user), **marked_user(line.user)}
        context = self._context(variant, marked, marked_links(), locale)
        links = MarkedLinks(self.links, self.campaign.id)
        message = self._rendered(context, locale, variant, links, tracking)
        if links.spoiled or len(message.subject or "") >= MAX_SUBJECT:
            return None
        return Copy.of(message)

    def _rendered(
        self,
        context: Mapping[str, Any],
        locale: str,
        variant: Variant | None,
        links: TrackingLinks,
        tracking: bool | None,
    ) -> RenderedMessage:
        message = self.renderer.render(
            self.templates.get(locale), Channel.EMAIL, context, self.layouts.get(locale)
        )
        subject = self._subject(variant)
        if subject is not None:
            written = self.renderer.render_line(subject, context, locale)
            message = replace(message, subject=written)
        return tracked_message(message, links, self.kind, tracking, self.campaign.id)

    def _subject(self, variant: Variant | None) -> str | None:
        return (variant.subject if variant else None) or self.campaign.words.subject

    def variant_of(self, line: ChunkLine) -> Variant | None:
        """The one drawn for the recipient; outside the test, the winner."""
        test = self.campaign.test
        place = line.variant if line.variant is not None else self.campaign.winner
        return test.variants[place] if test is not None and place is not None else None

    def data_of(self, line: ChunkLine) -> Mapping[str, Any]:
        variant = self.variant_of(line)
        return {**self.campaign.words.data, **(variant.data if variant else {})}

    def _locale(self, line: ChunkLine) -> str:
        """Of the template; without one, the reader's own."""
        wanted = (line.preferences.language, line.user.locale)
        if wanted not in self.locales:
            own = next((tag for tag in wanted if tag), DEFAULT_LOCALE)
            self.locales[wanted] = (
                choose_locale(list(self.templates), wanted) if self.templates else own
            )
        return self.locales[wanted]

    def _context(
        self,
        variant: Variant | None,
        profile: Mapping[str, Any],
        links: Mapping[str, str],
        locale: str,
    ) -> Mapping[str, Any]:
        words = self.campaign.words
        data = {**words.data, **variant.data} if variant else words.data
        titled = variant if variant and variant.title is not None else words
        written = variant if variant and variant.content is not None else words
        return {
            "user": profile,
            "data": data,
            "title": titled.title or "",
            "content": written.content or "",
            "recommendations": data.get("recommendations", []),
            "notification": {
                "id": str(self.campaign.id),
                "type": self.campaign.type,
                "priority": Priority.LOW.value,
            },
            "locale": locale,
            "links": links,
        }


def _profile(user: User) -> dict[str, Any]:
    return {
        "id": user.id,
        "name": user.name or "",
        "email": user.email or "",
        "phone": user.phone or "",
        "locale": user.locale or "",
        "timezone": user.timezone or "",
        "country": user.country or "",
        "attributes": user.attributes,
    }


class CampaignComposer:
    """Makes editions, and remembers the last ones with their copies."""

    def __init__(
        self, renderer: TemplateRendererPort, catalogue: Catalogue, links: CampaignLinks
    ) -> None:
        self._renderer = renderer
        self._catalogue = catalogue
        self._links = links
        self._editions: LRUCache[tuple[object, ...], Edition] = LRUCache(EDITIONS)
        self._copies = copies_within(COPIES)
        self._numbers = count()

    async def edition(self, campaign: Campaign) -> Edition:
        """Raises `RenderProblem("template_missing")`, `Invalid("unknown_type")`."""
        kind = await self._catalogue.type(campaign.type)
        versions = tuple(campaign.template_versions.items())
        key = (
            campaign.id, campaign.revision, campaign.winner, campaign.started_at, versions, kind,
        )  # fmt: skip
        known = self._editions.get(key)
        if known is None:
            known = self._editions[key] = await self._made(campaign, kind)
        return known

    async def _made(self, campaign: Campaign, kind: NotificationType) -> Edition:
        templates: dict[str, TemplateVersion] = {}
        layouts: dict[str, TemplateVersion | None] = {}
        for locale, version in campaign.template_versions.items():
            key = campaign.words.template.key if campaign.words.template else kind.template_key
            found = await self._catalogue.pinned(key or "", locale, version)
            if found is None:
                raise RenderProblem("template_missing", f"The template {key!r} no longer exists.")
            templates[locale] = found
            layouts[locale] = await layout_of(
                found, self._renderer, self._catalogue, campaign.started_at
            )
        return Edition(
            campaign,
            kind,
            templates,
            layouts,
            self._links,
            self._renderer,
            copies=self._copies,
            number=next(self._numbers),
        )
