"""SMS through Amazon SNS: what goes over the wire, and what AWS's errors mean."""

from collections.abc import AsyncIterator
from datetime import timedelta
from urllib.parse import parse_qs

import pytest

from domain.ports.providers import Accepted, Rejected, Retry, SendOutcome, Uncertain
from providers.sms.sns import SnsSmsProvider
from tests.contract.vendors.sns import SNS, build
from tests.contract.wire import WireServer

NUMBER = "+4915112345678"


@pytest.fixture
async def scripted(wire: WireServer) -> AsyncIterator[SnsSmsProvider]:
    provider = build(wire.url)
    yield provider
    await provider.aclose()


def took(message_id: str) -> bytes:
    return (
        f"<PublishResponse><PublishResult><MessageId>{message_id}</MessageId></PublishResult>"
        "</PublishResponse>"
    ).encode()


def refused(code: str, message: str = "No.") -> bytes:
    return (
        f"<ErrorResponse><Error><Type>Sender</Type><Code>{code}</Code>"
        f"<Message>{message}</Message></Error><RequestId>1</RequestId></ErrorResponse>"
    ).encode()


async def test_connections_are_kept(wire: WireServer, scripted: SnsSmsProvider) -> None:
    wire.will_answer(200, took("m-1"), "text/xml")
    for _ in range(5):
        assert await scripted.send(SNS.message()) == Accepted("m-1", segments=1)
    assert (len(wire.seen), wire.connections) == (5, 1)


async def test_no_settings_but_heralds_are_read(
    wire: WireServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {
        "AWS_PROFILE": "nobody's",
        "AWS_ACCESS_KEY_ID": "AKIAOTHER",
        "AWS_SESSION_TOKEN": "other",
        "AWS_MAX_ATTEMPTS": "5",
        "AWS_ENDPOINT_URL": "http://127.0.0.1:9",
        "HTTP_PROXY": "http://127.0.0.1:9",
    }.items():
        monkeypatch.setenv(name, value)
    wire.will_answer(500, refused("InternalError"), "text/xml")
    provider = build(wire.url)
    assert isinstance(await provider.send(SNS.message()), Retry)
    (seen,) = wire.seen
    assert "Credential=AKIACONTRACT00000000/" in seen.headers["authorization"]
    assert "/eu-central-1/sns/aws4_request" in seen.headers["authorization"]
    assert "x-amz-security-token" not in seen.headers
    assert parse_qs(seen.body.decode())["Action"] == ["Publish"]
    await provider.aclose()


LATER = timedelta(seconds=9)


@pytest.mark.parametrize(
    ("status", "code", "message", "expected"),
    [
        (400, "Throttling", "Rate exceeded", Retry("rate_limited", "", LATER)),
        (400, "ThrottlingException", "No.", Retry("rate_limited", "", LATER)),
        (429, "Throttled", "No.", Retry("rate_limited", "", LATER)),
        (400, "KMSThrottling", "No.", Retry("rate_limited", "", LATER)),
        (400, "KMSDisabled", "No.", Retry("bad_configuration", "", fail_over=True)),
        (403, "KMSOptInRequired", "No.", Retry("bad_configuration", "", fail_over=True)),
        (404, "NotFound", "No.", Retry("bad_configuration", "", fail_over=True)),
        (400, "InvalidAction", "No.", Retry("bad_configuration", "", fail_over=True)),
        (403, "AuthorizationError", "No.", Retry("bad_credentials", "", fail_over=True)),
        (403, "InvalidClientTokenId", "No.", Retry("bad_credentials", "", fail_over=True)),
        (403, "SignatureDoesNotMatch", "No.", Retry("bad_credentials", "", fail_over=True)),
        (400, "IncompleteSignature", "No.", Retry("bad_credentials", "", fail_over=True)),
        (400, "RequestExpired", "No.", Retry("bad_credentials", "", fail_over=True)),
        (500, "InternalError", "No.", Retry("provider_unavailable", "", LATER)),
        (503, "ServiceUnavailable", "No.", Retry("provider_unavailable", "", LATER)),
        (504, "Whatever", "No.", Uncertain("http_504", "")),
        (400, "OptedOut", "No.", Rejected("opted_out", "")),
        (400, "InvalidParameter", f"Invalid parameter: PhoneNumber Reason: {NUMBER} is not valid "
         "to publish to", Rejected("invalid_number", "")),
        (400, "InvalidParameter", "Invalid parameter: Message too long",
         Rejected("invalid_message", "")),
        (400, "InvalidParameter", "Invalid parameter: Empty message",
         Rejected("empty_message", "")),
        (400, "InvalidParameter", "Invalid parameter: Something",
         Rejected("sns_InvalidParameter", "")),
        (400, "ParameterValueInvalid", "No.", Rejected("sns_ParameterValueInvalid", "")),
    ],
)  # fmt: skip
async def test_errors(
    wire: WireServer,
    scripted: SnsSmsProvider,
    status: int,
    code: str,
    message: str,
    expected: SendOutcome,
) -> None:
    wire.will_answer(status, refused(code, message), "text/xml", Retry_After="9")
    outcome = await scripted.send(SNS.message(target=NUMBER))
    assert type(outcome) is type(expected)
    assert not isinstance(outcome, Accepted)
    assert not isinstance(expected, Accepted)
    assert outcome.code == expected.code
    assert NUMBER not in outcome.message
    if isinstance(outcome, Retry) and isinstance(expected, Retry):
        assert (outcome.after, outcome.fail_over) == (expected.after, expected.fail_over)
    assert len(wire.seen) == 1
