"""A variant laid over what a caller asked for."""

from datetime import datetime
from typing import Any

from domain.ab.definition import Variant
from domain.commands import NewNotification
from domain.content import EmailOptions, SmsOptions
from domain.errors import FieldError, Invalid


def apply_variant(new: NewNotification, variant: Variant, now: datetime) -> NewNotification:
    """The notification as this group gets it. Raises `Invalid("expires_before_scheduled")` when
    the variant's time is after the notification's end."""
    changes: dict[str, Any] = {"data": {**new.data, **variant.data}}
    for name in ("title", "content", "template"):
        if getattr(variant, name) is not None:
            changes[name] = getattr(variant, name)
    if variant.title is not None and variant.content is not None and variant.template is None:
        changes["template"] = None
    changes |= _envelope(new, variant)
    scheduled = _time(new, variant, now)
    if scheduled is not None and new.expires_at is not None and new.expires_at <= scheduled:
        detail = f"The variant {variant.name!r} would never be sent: it is due after expiresAt."
        problem = FieldError("expiresAt", "expires_before_scheduled", detail)
        raise Invalid(problem.code, detail, errors=(problem,))
    return new.model_copy(update={**changes, "scheduled_at": scheduled})


def _envelope(new: NewNotification, variant: Variant) -> dict[str, Any]:
    email, sms = new.email or EmailOptions(), new.sms
    if variant.subject is not None:
        email = email.model_copy(update={"subject": variant.subject})
    if variant.sender is not None and "@" in variant.sender:
        email = email.model_copy(update={"sender": variant.sender})
    elif variant.sender is not None:
        sms = (sms or SmsOptions()).model_copy(update={"sender_id": variant.sender})
    return {"email": email if email != EmailOptions() else new.email, "sms": sms}


def _time(new: NewNotification, variant: Variant, now: datetime) -> datetime | None:
    if variant.send_at is not None:
        return variant.send_at
    if variant.delay is not None:
        return max(now, new.scheduled_at or now) + variant.delay
    return new.scheduled_at
