"""What Amazon SNS's errors, and those of the way to it, say about an SMS."""

import re
from collections.abc import Mapping
from typing import Final

from botocore.exceptions import BotoCoreError, ClientError
from botocore.parsers import ResponseParserError

from domain.ports.providers import OutboundMessage, Rejected, Retry, SendOutcome
from providers.http import (
    Exchange,
    retry_after,
    status_outcome,
    transport_error,
    transport_outcome,
    without,
)
from providers.phone import normalize_e164

CREDENTIALS: Final = frozenset(
    {
        "AccessDenied",
        "AuthorizationError",
        "ExpiredToken",
        "IncompleteSignature",
        "InvalidClientTokenId",
        "InvalidSecurity",
        "MissingAuthenticationToken",
        "NotAuthorized",
        "OptInRequired",
        "RequestExpired",
        "SignatureDoesNotMatch",
        "UnrecognizedClient",
    }
)
_CONGESTED: Final = frozenset(
    {"KMSThrottling", "RequestLimitExceeded", "Throttled", "Throttling", "TooManyRequests"}
)
"""Some of these come as HTTP 400."""
_MISCONFIGURED: Final = frozenset(
    {
        "InvalidAction",
        "KMSAccessDenied",
        "KMSDisabled",
        "KMSInvalidState",
        "KMSNotFound",
        "KMSOptInRequired",
        "UserError",
    }
)
_PARAMETER: Final = re.compile(r"Invalid parameter: (\w+)")
_PARAMETERS: Final[Mapping[str, str]] = {
    "PhoneNumber": "invalid_number",
    "Message": "invalid_message",
    "Empty": "empty_message",
}
"""What SNS names as wrong after `Invalid parameter:`, the only place where it does."""


def send_outcome(error: Exception, exchange: Exchange, message: OutboundMessage) -> SendOutcome:
    """How a send ended that raised. Raises `error` again when neither SNS nor the way to it can
    have caused it."""
    if exchange.status is None:
        lost = lost_call(error)
        if lost is None:
            raise error
        return transport_outcome(lost)
    code = error_code(error)
    text = without(error_words(error), message.target, normalize_e164(message.target))
    if code in CREDENTIALS:
        return Retry("bad_credentials", text, fail_over=True)
    if code in _CONGESTED:
        return Retry("rate_limited", text, after=retry_after(exchange.headers))
    if code in _MISCONFIGURED:
        return Retry("bad_configuration", text, fail_over=True)
    if code == "OptedOut":
        return Rejected("opted_out", text)
    named = _PARAMETER.search(text)
    refused = _PARAMETERS.get(named[1]) if named else None
    return status_outcome(exchange.status, refused or f"sns_{code}", text, exchange.headers)


def lost_call(error: Exception) -> Exception | None:
    """The HTTP library's own error, None when there was none. It is what counts: the SDK takes a
    connection that was reset for one never made, and its errors are operating system errors."""
    if isinstance(error, BotoCoreError):
        return transport_error(error.__context__) if error.__context__ else None
    return transport_error(error)


def error_code(error: Exception) -> str:
    """`Throttling` of `Throttling` and `ThrottlingException`; empty without an answer of SNS's."""
    if not isinstance(error, ClientError):
        return ""
    return str(error.response.get("Error", {}).get("Code", "")).removesuffix("Exception")


def error_words(error: Exception) -> str:
    if isinstance(error, ClientError):
        said = error.response.get("Error", {})
        return f"{said.get('Code', '')}: {said.get('Message', '')}"
    if isinstance(error, ResponseParserError | KeyError):
        return "The answer cannot be read."
    return f"{type(error).__name__}: {error}"
