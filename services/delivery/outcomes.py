"""What each way a send can end means for the ledger. Pure: (outcome, line, clock) → result."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import TypeGuard

from domain.enums import Category, Channel, DeliveryStatus
from domain.ports.deliveries import AttemptResult
from domain.ports.providers import Accepted, Found, Rejected, Retry, SendOutcome, Uncertain
from domain.records.notifications import Delivery
from domain.retry import SCHEDULES, next_delay

FAILURES_BEFORE_FAILOVER = 3
"""Retryable refusals of one delivery by one provider, after which the next one is tried."""
DOUBT_DELAY = timedelta(seconds=2)
"""How long to let a provider settle before asking it, or calling it again with the same key."""
SLOW_DOUBT_DELAY = timedelta(seconds=10)
"""The same for an SMS that timed out: the call may still be under way, and a vendor asked too soon
has not heard of the message yet."""
OUTCOME_UNKNOWN = "outcome_unknown"
QUOTA_EXCEEDED = "quota_exceeded"
RATE_LIMITED = "rate_limited"
MAILBOX_BUSY = "mailbox_busy"
_HEALTHY = frozenset({RATE_LIMITED, MAILBOX_BUSY})


def is_healthy(outcome: SendOutcome) -> bool:
    """What a call says of the provider's own condition. A refused message, a recipient who takes
    none just now and a limit that was reached come from providers in good health."""
    if isinstance(outcome, Uncertain):
        return False
    return not isinstance(outcome, Retry) or outcome.code in _HEALTHY


def keeps_doubt(outcome: SendOutcome, *, in_doubt: bool) -> TypeGuard[Retry | Uncertain]:
    """Whether it is open after this call if the message has left. `in_doubt` says that it was
    before: that this call was not taken says nothing about the earlier one."""
    return isinstance(outcome, Uncertain) or (in_doubt and isinstance(outcome, Retry))


def result_of(
    outcome: SendOutcome,
    line: Delivery,
    channel: Channel,
    provider: str,
    at: datetime,
    *,
    another: bool = False,
    in_doubt: bool = False,
) -> AttemptResult:
    """The ledger's next state. A retryable ending past the channel's last try is final, unless
    `another` provider can take over; a doubt past it is `unknown`.

    `in_doubt`: as for `keeps_doubt`; the message then stays with its provider."""
    match outcome:
        case Accepted():
            return AttemptResult(
                line.id,
                outcome.status,
                provider,
                at,
                "accepted",
                provider_message_id=outcome.provider_message_id,
                segments=outcome.segments,
            )
        case Rejected():
            return _refused(line, DeliveryStatus.FAILED, provider, at, "rejected", outcome)
        case Retry() if in_doubt:
            wait = next_delay(SCHEDULES[channel], line.attempts, outcome.after, str(line.id))
            return _doubtful(line, channel, provider, at, outcome, wait)
        case Retry():
            return _retried(outcome, line, channel, provider, at, another=another)
        case Uncertain():
            slow = channel is Channel.SMS and outcome.code == "timeout"
            wait = SLOW_DOUBT_DELAY if slow else DOUBT_DELAY
            return _doubtful(line, channel, provider, at, outcome, wait)


def _retried(
    outcome: Retry, line: Delivery, channel: Channel, provider: str, at: datetime, *, another: bool
) -> AttemptResult:
    """Certainly not taken: by the next provider, at an end, or once more by this one."""
    schedule, failures = SCHEDULES[channel], line.failures_here + 1
    if another and (outcome.fail_over or failures >= FAILURES_BEFORE_FAILOVER):
        failed = _refused(
            line, DeliveryStatus.PENDING, provider, at, "failover", outcome, again_at=at
        )
        return replace(failed, gives_up=True)
    if failures >= schedule.max_attempts:
        return _refused(line, DeliveryStatus.FAILED, provider, at, "retry", outcome)
    wait = next_delay(schedule, failures, outcome.after, str(line.id))
    return _refused(
        line, DeliveryStatus.PENDING, provider, at, "retry", outcome, again_at=at + wait
    )


def _doubtful(
    line: Delivery,
    channel: Channel,
    provider: str,
    at: datetime,
    outcome: Retry | Uncertain,
    wait: timedelta,
) -> AttemptResult:
    """Still with its provider, until it has been tried often enough; providers given up before
    have had tries of their own."""
    spent = FAILURES_BEFORE_FAILOVER * len(line.given_up)
    if line.attempts >= SCHEDULES[channel].max_attempts + 2 + spent:
        return _refused(line, DeliveryStatus.UNKNOWN, provider, at, "unknown", outcome)
    return _refused(
        line, DeliveryStatus.SENDING, provider, at, "uncertain", outcome, again_at=at + wait
    )


def found_result(found: Found, line: Delivery, provider: str, at: datetime) -> AttemptResult:
    """The provider says it took the message that was in doubt."""
    return AttemptResult(
        line.id,
        found.status,
        provider,
        at,
        "found",
        provider_message_id=found.provider_message_id,
    )


def unknown_result(line: Delivery, provider: str, at: datetime) -> AttemptResult:
    """Nobody can say whether it left; it is not sent again by itself."""
    return AttemptResult(
        line.id,
        DeliveryStatus.UNKNOWN,
        provider,
        at,
        "unknown",
        error_code=OUTCOME_UNKNOWN,
        error_message="The provider may have taken it and cannot be asked.",
    )


def may_resend_blindly(category: Category, type_name: str) -> bool:
    """A one-time code twice is a nuisance, a missing one locks a person out."""
    return category is Category.SECURITY and type_name == "one_time_code"


def _refused(
    line: Delivery,
    status: DeliveryStatus,
    provider: str,
    at: datetime,
    word: str,
    outcome: Rejected | Retry | Uncertain,
    *,
    again_at: datetime | None = None,
) -> AttemptResult:
    return AttemptResult(
        line.id,
        status,
        provider,
        at,
        word,
        error_code=outcome.code,
        error_message=outcome.message[:500],
        next_attempt_at=again_at,
    )
