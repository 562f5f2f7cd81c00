"""Every reason a gate can give: a code that never changes, and its words for people."""

from enum import StrEnum
from typing import Final


class Reason(StrEnum):
    READY = "ready"
    # The notification as a whole
    NO_EXPIRY = "no_expiry"
    NOT_EXPIRED = "not_expired"
    EXPIRED = "expired"
    EXPIRES_BEFORE_ALLOWED = "expires_before_allowed"
    NOT_SCHEDULED = "not_scheduled"
    SCHEDULE_REACHED = "schedule_reached"
    SCHEDULED = "scheduled"
    NOT_DUPLICATE = "not_duplicate"
    DUPLICATE = "duplicate"
    NO_CHANNELS = "no_channels"
    NO_ALLOWED_TIME = "no_allowed_time"
    # Bypasses
    CRITICAL_BYPASS = "critical_bypass"
    SEND_NOW_BYPASS = "send_now_bypass"
    # Consent and subscription
    CONSENT_NOT_NEEDED = "consent_not_needed"
    CONSENT_GRANTED = "consent_granted"
    CONSENT_MISSING = "consent_missing"
    CONSENT_REFUSED = "consent_refused"
    SUBSCRIPTION_NOT_CHOSEN = "subscription_not_chosen"
    SUBSCRIBED = "subscribed"
    UNSUBSCRIBED = "unsubscribed"
    CHANNEL_NOT_SUBSCRIBED = "channel_not_subscribed"
    # Category preference
    CATEGORY_ALLOWED = "category_allowed"
    CATEGORY_DISABLED = "category_disabled"
    CATEGORY_CHANNEL_EXCLUDED = "category_channel_excluded"
    IMMEDIATE_DELIVERY = "immediate_delivery"
    DIGEST_HOURLY = "digest_hourly"
    DIGEST_DAILY = "digest_daily"
    DIGEST_WEEKLY = "digest_weekly"
    DIGEST_WINDOW_OVER = "digest_window_over"
    IS_DIGEST = "is_digest"
    # Channel and address
    CHANNEL_ENABLED = "channel_enabled"
    CHANNEL_NOT_CHOSEN = "channel_not_chosen"
    CHANNEL_DISABLED = "channel_disabled"
    REACHABLE = "reachable"
    NO_ADDRESS = "no_address"
    NO_DEVICE = "no_device"
    SUPPRESSED = "suppressed"
    # Compliance
    NOT_SMS = "not_sms"
    LEGALLY_TRANSACTIONAL = "legally_transactional"
    NO_SMS_WINDOW = "no_sms_window"
    SMS_WINDOW_OPEN = "sms_window_open"
    SMS_WINDOW_CLOSED = "sms_window_closed"
    # Quiet hours
    NO_QUIET_HOURS = "no_quiet_hours"
    OUTSIDE_QUIET_HOURS = "outside_quiet_hours"
    QUIET_HOURS = "quiet_hours"
    ALWAYS_QUIET = "always_quiet"
    # Limits
    NO_LIMITS = "no_limits"
    WITHIN_LIMITS = "within_limits"
    FREQUENCY_EXCEEDED = "frequency_exceeded"
    FREQUENCY_ZERO = "frequency_zero"
    NO_THROTTLE = "no_throttle"
    WITHIN_THROTTLE = "within_throttle"
    THROTTLED = "throttled"
    THROTTLE_ZERO = "throttle_zero"
    WITHIN_NUMBER_LIMIT = "within_number_limit"
    NUMBER_LIMIT = "number_limit"
    # Operators
    NOT_PAUSED = "not_paused"
    CHANNEL_PAUSED = "channel_paused"
    PROVIDER_PAUSED = "provider_paused"
    CAMPAIGN_PAUSED = "campaign_paused"
    # Channel choice
    EVERY_CHANNEL = "every_channel"
    FIRST_CHOICE = "first_choice"
    HELD_FOR_FALLBACK = "held_for_fallback"
    HELD_FOR_ESCALATION = "held_for_escalation"


_R = Reason

CLAUSES: Final[dict[Reason, str]] = {
    _R.READY: "nothing stands in the way",
    _R.NO_EXPIRY: "the notification never expires",
    _R.NOT_EXPIRED: "the notification has not expired",
    _R.EXPIRED: "it was no longer of use after its expiry time",
    _R.EXPIRES_BEFORE_ALLOWED: "it would expire before it may be sent{on}",
    _R.NOT_SCHEDULED: "no sending time was asked for",
    _R.SCHEDULE_REACHED: "the sending time asked for has come",
    _R.SCHEDULED: "it is scheduled for that time",
    _R.NOT_DUPLICATE: "no equal notification went before it",
    _R.DUPLICATE: "an equal notification was already accepted",
    _R.NO_CHANNELS: "no channel is left to try",
    _R.NO_ALLOWED_TIME: "the user's quiet hours and the other rules leave no time for it{on}",
    _R.CRITICAL_BYPASS: "critical notifications are not held back by this rule",
    _R.SEND_NOW_BYPASS: "it was asked to be sent at once, so this rule does not hold it back",
    _R.CONSENT_NOT_NEEDED: "no consent is needed",
    _R.CONSENT_GRANTED: "the user gave the consent that is needed",
    _R.CONSENT_MISSING: "the user has not given the consent that is needed",
    _R.CONSENT_REFUSED: "the user refused the consent that is needed",
    _R.SUBSCRIPTION_NOT_CHOSEN: "the user has neither subscribed nor unsubscribed",
    _R.SUBSCRIBED: "the user is subscribed",
    _R.UNSUBSCRIBED: "the user unsubscribed from this type of notification",
    _R.CHANNEL_NOT_SUBSCRIBED: "the user subscribed to this type on other channels only",
    _R.CATEGORY_ALLOWED: "the user's preferences allow this category",
    _R.CATEGORY_DISABLED: "the user switched this category off",
    _R.CATEGORY_CHANNEL_EXCLUDED: "the user does not want this category on this channel",
    _R.IMMEDIATE_DELIVERY: "the user wants this category at once",
    _R.DIGEST_HOURLY: "the user wants this category gathered once an hour{on}",
    _R.DIGEST_DAILY: "the user wants this category gathered once a day{on}",
    _R.DIGEST_WEEKLY: "the user wants this category gathered once a week{on}",
    _R.DIGEST_WINDOW_OVER: "the time for which it was gathered is over",
    _R.IS_DIGEST: "it is a digest itself",
    _R.CHANNEL_ENABLED: "the user has this channel switched on",
    _R.CHANNEL_NOT_CHOSEN: "the user has not switched this channel off",
    _R.CHANNEL_DISABLED: "the user switched this channel off",
    _R.REACHABLE: "the user can be reached",
    _R.NO_ADDRESS: "no address is known",
    _R.NO_DEVICE: "no device is registered",
    _R.SUPPRESSED: "every address of the user is on the suppression list",
    _R.NOT_SMS: "sending times by law concern SMS only",
    _R.LEGALLY_TRANSACTIONAL: "the law lets messages of this type through at any time",
    _R.NO_SMS_WINDOW: "no sending times are set for the destination country",
    _R.SMS_WINDOW_OPEN: "the destination country allows such messages at this time",
    _R.SMS_WINDOW_CLOSED: "the destination country allows such messages at certain times only{on}",
    _R.NO_QUIET_HOURS: "no quiet hours apply to this channel",
    _R.OUTSIDE_QUIET_HOURS: "it is outside the user's quiet hours",
    _R.QUIET_HOURS: "the user has quiet hours{on}",
    _R.ALWAYS_QUIET: "the user's quiet hours never end",
    _R.NO_LIMITS: "the user has set no limits",
    _R.WITHIN_LIMITS: "the user's limits are not reached",
    _R.FREQUENCY_EXCEEDED: "the user has had as many messages as they want{on}",
    _R.FREQUENCY_ZERO: "the user wants no such messages at all",
    _R.NO_THROTTLE: "this channel has no throttle",
    _R.WITHIN_THROTTLE: "the channel's throttle is not reached",
    _R.THROTTLED: "the user was sent as many messages as the throttle lets through{on}",
    _R.THROTTLE_ZERO: "the channel's throttle lets nothing through",
    _R.WITHIN_NUMBER_LIMIT: "the phone number has not had too many messages",
    _R.NUMBER_LIMIT: "the phone number has had as many messages as one number may have{on}",
    _R.NOT_PAUSED: "no operator holds it back",
    _R.CHANNEL_PAUSED: "an operator paused the channel{on}",
    _R.PROVIDER_PAUSED: "an operator paused the provider{on}",
    _R.CAMPAIGN_PAUSED: "its campaign is paused",
    _R.EVERY_CHANNEL: "every channel is to be used",
    _R.FIRST_CHOICE: "it is the first channel that may be used",
    _R.HELD_FOR_FALLBACK: "another channel is tried first",
    _R.HELD_FOR_ESCALATION: "another channel goes first and may be enough",
}
"""The words after "because". `{on}` is where " on email and SMS" goes."""


def clause(reason: str, on: str = "") -> str:
    """The words for a reason, to follow "because". Unknown codes are spelled out."""
    known = CLAUSES.get(Reason(reason)) if reason in _CODES else None
    return known.format(on=on) if known else reason.replace("_", " ")


def sentence(reason: str) -> str:
    """One plain sentence for a reason code."""
    words = clause(reason)
    return f"{words[0].upper()}{words[1:]}."


_CODES = frozenset(Reason)
