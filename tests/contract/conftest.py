"""One sandbox for all contract tests. Recipients are never used twice, so nothing is reset."""

from collections.abc import AsyncIterator, Iterator

import pytest

from tests.contract.vendors.resend import RESEND_KEY, RESEND_SECRET
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
    secrets = {"RESEND_WEBHOOK_SECRET": RESEND_SECRET, "TWILIO_AUTH_TOKEN": TWILIO_TOKEN}
    arguments = ("--callback-base-url", receiver.url, "--resend-api-key", RESEND_KEY)
    with SandboxProcess(*arguments, **secrets) as process:
        yield process


@pytest.fixture
async def wire() -> AsyncIterator[WireServer]:
    async with wire_server() as server:
        yield server
