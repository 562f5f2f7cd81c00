"""Did the user give the consents this needs? Nothing gets past a missing one."""

from domain.enums import Channel, ConsentType
from domain.facts import NotificationFacts, PlanFacts
from domain.plan_types import Decision
from domain.rules.decisions import allow, allow_with, skip
from domain.rules.reasons import Reason


def decide_consent(facts: PlanFacts, channel: Channel) -> Decision:
    """Skips without the type's own consent and, on SMS, without the `sms` consent, which legally
    transactional types do not need."""
    needed = _needed(facts.notification, channel)
    if not needed:
        return allow(Reason.CONSENT_NOT_NEEDED)
    for consent in needed:
        answer = facts.consents.get(consent)
        if not answer:
            reason = Reason.CONSENT_MISSING if answer is None else Reason.CONSENT_REFUSED
            return skip(reason, {"consent": consent.value, "answer": answer})
    return allow_with(Reason.CONSENT_GRANTED, {"consents": [consent.value for consent in needed]})


def _needed(notification: NotificationFacts, channel: Channel) -> tuple[ConsentType, ...]:
    own = notification.required_consent
    needed = () if own is None else (own,)
    if channel is Channel.SMS and not notification.legally_transactional:
        return (*needed, ConsentType.SMS)
    return needed
