"""What must be right about a campaign before anybody gets it."""

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import ValidationError

from domain.ab.definition import ABMetric, Variant
from domain.campaigns.records import Campaign
from domain.commands import NewNotification
from domain.enums import Category, Channel
from domain.errors import FieldError, Invalid
from domain.ports.runtime import TemplateRendererPort
from domain.records.catalogue import NotificationType
from services.catalogue.reading import Catalogue
from services.notifications.template_choice import TemplateChooser

_NOBODY = "campaign"


class CampaignChecks:
    def __init__(
        self, catalogue: Catalogue, templates: TemplateChooser, renderer: TemplateRendererPort
    ) -> None:
        self._catalogue = catalogue
        self._templates = templates
        self._renderer = renderer

    async def kind_of(self, type_name: str, category: Category | None) -> NotificationType:
        """Raises `Invalid`: `unknown_type`, `category_mismatch`."""
        kind = await self._catalogue.type(type_name)
        if category is not None and category is not kind.category:
            raise refusal(
                "category", "category_mismatch", f"The type {type_name!r} is {kind.category}."
            )
        return kind

    async def check(self, campaign: Campaign) -> None:
        """Every variant can be rendered with what it is given. Raises `Invalid`:
        `content_missing`, `unknown_template`, `variable_missing`, `subject_invalid`,
        `sender_no_mailbox`, and what `_check_test` raises."""
        kind = await self._catalogue.type(campaign.type)
        _check_test(campaign)
        _check_senders(campaign)
        variants: Sequence[Variant | None] = campaign.test.variants if campaign.test else (None,)
        for place, variant in enumerate(variants):
            await self._templates.choose(
                _as_notification(campaign, variant), kind, campaign.channels
            )
            path = "subject" if variant is None else f"test.variants.{place}.subject"
            subject = (variant.subject if variant else None) or campaign.words.subject
            problems = self._renderer.check_line(subject, path) if subject else ()
            if problems:
                raise refusal(path, "subject_invalid", problems[0].detail)

    async def pinned(self, campaign: Campaign) -> Mapping[str, int]:
        """The published versions it is sent with: of the locale named, or of all."""
        words = campaign.words
        if words.template is None and words.title is not None:
            return {}
        kind = await self._catalogue.type(campaign.type)
        key = words.template.key if words.template else kind.template_key
        versions = await self._catalogue.published(key or "")
        wanted = words.template.locale if words.template else None
        named = {wanted: versions[wanted]} if wanted in versions else versions
        return {locale: version.version for locale, version in named.items() if locale}


def _check_test(campaign: Campaign) -> None:
    """What a test of its own may have and a campaign's cannot. Raises `Invalid`:
    `test_without_email`, `metric_not_measured`, `variant_template`."""
    if campaign.test is None:
        return
    reads = Channel.WEBSOCKET in campaign.channels and campaign.test.metric is ABMetric.OPEN
    if Channel.EMAIL not in campaign.channels and not reads:
        detail = "Only emails tell of opens and clicks, and the inbox of opens."
        raise refusal("test", "test_without_email", detail)
    if campaign.test.metric not in {ABMetric.OPEN, ABMetric.CLICK}:
        raise refusal("test.metric", "metric_not_measured", "Campaigns measure open and click.")
    for place, variant in enumerate(campaign.test.variants):
        if variant.template is not None:
            path = f"test.variants.{place}.template"
            raise refusal(path, "variant_template", "All variants use the campaign's template.")


def _check_senders(campaign: Campaign) -> None:
    """An email is from a mailbox; the sender id of an SMS is none. Raises `Invalid`."""
    if Channel.EMAIL not in campaign.channels:
        return
    senders = {"from": campaign.words.sender}
    for place, variant in enumerate(campaign.test.variants if campaign.test else ()):
        senders[f"test.variants.{place}.sender"] = variant.sender
    for path, sender in senders.items():
        if sender is not None and "@" not in sender:
            raise refusal(path, "sender_no_mailbox", f"No mailbox to send email from: {sender!r}.")


def _as_notification(campaign: Campaign, variant: Variant | None) -> NewNotification:
    words = campaign.words
    given: dict[str, Any] = {
        "user_id": _NOBODY,
        "type": campaign.type,
        "title": (variant.title if variant else None) or words.title,
        "content": (variant.content if variant else None) or words.content,
        "data": {**words.data, **(variant.data if variant else {})},
        "template": words.template,
        "channels": campaign.channels,
    }
    try:
        return NewNotification.model_validate(given)
    except ValidationError as error:
        detail = "title and content come together"
        raise refusal("content", "content_missing", detail) from error


def refusal(field: str, code: str, detail: str) -> Invalid:
    return Invalid(code, detail, errors=(FieldError(field, code, detail),))
