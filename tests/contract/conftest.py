"""One sandbox for all contract tests. Recipients are never used twice, so nothing is reset."""

from collections.abc import AsyncIterator, Iterator

import pytest

from tests.contract.vendors.onesignal import ONESIGNAL_KEY, ONESIGNAL_SECRET
from tests.contract.vendors.resend import RESEND_KEY, RESEND_SECRET
from tests.contract.vendors.smtp import SMTP_PASSWORD, SMTP_USER
from tests.contract.vendors.sns import SNS_KEY_ID, SNS_SECRET, SNS_TOPIC, signing_key
from tests.contract.vendors.twilio import TWILIO_TOKEN
from tests.contract.wire import WireServer, wire_server
from tests.unit.sandbox.support import Receiver, SandboxProcess


@pytest.fixture(scope="session")
def receiver() -> Iterator[Receiver]:
    receiver = Receiver()
    yield receiver
    receiver.close()


@pytest.fixture(scope="session")
def sandbox(receiver: Receiver) -> Iterator[SandboxProcess]:
    secrets = {
        "RESEND_WEBHOOK_SECRET": RESEND_SECRET,
        "TWILIO_AUTH_TOKEN": TWILIO_TOKEN,
        "SANDBOX_AWS_SECRET": SNS_SECRET,
        "SANDBOX_SNS_SIGNING_KEY": signing_key(),
        "ONESIGNAL_WEBHOOK_SECRET": ONESIGNAL_SECRET,
        "SANDBOX_SMTP_USER": SMTP_USER,
        "SANDBOX_SMTP_PASSWORD": SMTP_PASSWORD,
    }
    keys = ("--resend-api-key", RESEND_KEY, "--onesignal-api-key", ONESIGNAL_KEY)
    sns = ("--sns-access-key-id", SNS_KEY_ID, "--sns-topic-arn", SNS_TOPIC)
    arguments = ("--callback-base-url", receiver.url, *keys, *sns)
    with SandboxProcess(*arguments, **secrets) as process:
        yield process


@pytest.fixture
async def wire() -> AsyncIterator[WireServer]:
    async with wire_server() as server:
        yield server
