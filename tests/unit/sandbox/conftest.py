"""One sandbox process and one webhook receiver for all sandbox tests, emptied before each."""

from collections.abc import Iterator

import pytest

from tests.unit.sandbox.support import TWILIO_TOKEN, WEBHOOK_SECRET, Receiver, SandboxProcess


@pytest.fixture(scope="session")
def _receiver() -> Iterator[Receiver]:
    receiver = Receiver()
    yield receiver
    receiver.close()


@pytest.fixture(scope="session")
def _sandbox(_receiver: Receiver) -> Iterator[SandboxProcess]:
    secrets = {"RESEND_WEBHOOK_SECRET": WEBHOOK_SECRET, "TWILIO_AUTH_TOKEN": TWILIO_TOKEN}
    with SandboxProcess("--callback-base-url", _receiver.url, **secrets) as process:
        yield process


@pytest.fixture
def receiver(_receiver: Receiver) -> Receiver:
    _receiver.requests.clear()
    _receiver.status = 200
    return _receiver


@pytest.fixture
def sandbox(_sandbox: SandboxProcess) -> SandboxProcess:
    assert _sandbox.http.delete("/state").status_code == 204
    return _sandbox
