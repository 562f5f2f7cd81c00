"""Many emails in one call of Resend's: each has its own ending, and a repeat is the same batch."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from domain.content import Attachment, RenderedMessage
from domain.ports.providers import Accepted, OutboundMessage, Rejected, Retry, Uncertain
from providers.email.resend import ResendEmailProvider
from tests.contract.vendors.resend import RESEND
from tests.contract.wire import WireServer
from tests.unit.sandbox.support import SandboxProcess


@pytest.fixture
async def provider(sandbox: SandboxProcess) -> AsyncIterator[Any]:
    made = RESEND.build(sandbox.url + RESEND.prefix, "http://127.0.0.1:9")
    yield made
    await made.aclose()


def taken(sandbox: SandboxProcess, message: OutboundMessage) -> list[str]:
    found = sandbox.messages(provider="resend", to=message.target)
    return [sent["id"] for sent in found]


async def test_a_hundred_at_once_and_the_same_again(
    sandbox: SandboxProcess, provider: ResendEmailProvider
) -> None:
    messages = [RESEND.message() for _ in range(provider.batch_size)]
    first = await provider.send_many(messages, "batch-1")
    again = await provider.send_many(messages, "batch-1")
    assert first == again
    for message, outcome in zip(messages, first, strict=True):
        assert isinstance(outcome, Accepted)
        assert taken(sandbox, message) == [outcome.provider_message_id]
    with pytest.raises(ValueError, match="at most 100"):
        await provider.send_many([*messages, messages[0]], "batch-2")


async def test_long_emails_make_a_batch_of_megabytes(
    sandbox: SandboxProcess, provider: ResendEmailProvider
) -> None:
    words = RenderedMessage(subject="Long", html=f"<p>{'ü' * 20_000}</p>", text="Long")
    messages = [RESEND.message(message=words) for _ in range(provider.batch_size)]
    outcomes = await provider.send_many(messages, "batch-long")
    for message, outcome in zip(messages, outcomes, strict=True):
        assert isinstance(outcome, Accepted)
        assert taken(sandbox, message) == [outcome.provider_message_id]


async def test_one_that_is_wrong_does_not_concern_the_others(
    sandbox: SandboxProcess, provider: ResendEmailProvider
) -> None:
    good, other = RESEND.message(), RESEND.message()
    wrong = RESEND.message(target=RESEND.refused_target)
    one, two, three = await provider.send_many([good, wrong, other], "batch-mixed")
    assert isinstance(one, Accepted)
    assert isinstance(three, Accepted)
    assert isinstance(two, Rejected)
    assert wrong.target not in two.message
    assert taken(sandbox, good) == [one.provider_message_id]
    assert taken(sandbox, other) == [three.provider_message_id]


async def test_attachments_go_by_themselves(
    sandbox: SandboxProcess, provider: ResendEmailProvider
) -> None:
    file = Attachment.of("cv.pdf", "application/pdf", b"%PDF")
    messages = [RESEND.message(), RESEND.message(attachments=(file,))]
    outcomes = await provider.send_many(messages, "batch-files")
    assert all(isinstance(outcome, Accepted) for outcome in outcomes)
    assert [len(taken(sandbox, message)) for message in messages] == [1, 1]


async def test_a_batch_that_fails_fails_for_all(
    sandbox: SandboxProcess, provider: ResendEmailProvider
) -> None:
    messages = [RESEND.message(), RESEND.message()]
    sandbox.fault("resend", "status", status=429, retryAfter=3, times=1, to=messages[1].target)
    outcomes = await provider.send_many(messages, "batch-limit")
    assert [type(outcome) for outcome in outcomes] == [Retry, Retry]
    assert await provider.send_many([], "batch-none") == ()


async def test_an_answer_that_does_not_fit_is_a_doubt(wire: WireServer) -> None:
    provider = RESEND.build(wire.url, "http://127.0.0.1:9")
    for body in (b'{"data": [{"id": "1"}]}', b'{"data": 1}', b"[]", b"null", b"<html>"):
        wire.will_answer(200, body)
        outcomes = await provider.send_many([RESEND.message(), RESEND.message()], "k")
        assert [type(outcome) for outcome in outcomes] == [Uncertain, Uncertain], body
    await provider.aclose()
