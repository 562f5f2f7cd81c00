"""A campaign with some of it changed."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any, Final

from pydantic import ValidationError

from domain.campaigns.records import Campaign
from domain.campaigns.shapes import CampaignWords
from domain.enums import Channel
from domain.errors import FieldError, Invalid
from services.campaign_checks import CampaignChecks

WORDS: Final = frozenset(
    {"template", "subject", "title", "content", "data", "sender", "reply_to", "rate", "name"}
)
"""What may be amended while a campaign waits or is paused."""
_NEEDED: Final = frozenset({"name", "type", "audience", "data"})


async def amended_with(
    changes: Mapping[str, Any], campaign: Campaign, checks: CampaignChecks, now: datetime
) -> Campaign:
    """With the changes, by field of `AmendCampaign`, made and checked. Raises `Invalid`."""
    emptied = [name for name in changes if name in _NEEDED and changes[name] is None]
    if emptied:
        raise _refusal(emptied[0], "It cannot be taken away.")
    words = {name: changes[name] for name in changes if name in CampaignWords.model_fields}
    rest = {name: changes[name] for name in changes if name not in words}
    if "type" in rest:
        kind = await checks.kind_of(rest["type"], None)
        rest["category"] = kind.category
    if "channels" in rest:
        rest["channels"] = rest["channels"] or (Channel.EMAIL,)
    try:
        merged = CampaignWords.model_validate({**campaign.words.model_dump(), **words})
    except ValidationError as error:
        raise _refusal("content", "title and content come together") from error
    revision = campaign.revision + 1
    amended = replace(campaign, words=merged, revision=revision, updated_at=now, **rest)
    await checks.check(amended)
    return amended


def _refusal(field: str, detail: str) -> Invalid:
    code = "validation_error"
    return Invalid(code, detail, errors=(FieldError(field, code, detail),))
