"""Every provider keeps every promise, none is left out, and a broken promise is noticed."""

import importlib
import pkgutil
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest
from firebase_admin import _http_client
from firebase_admin._retry import HttpxRetry

import providers
from domain.callbacks import Callback, Receipt
from domain.errors import HeraldError
from domain.ids import new_id
from domain.ports.providers import (
    Accepted,
    ConfigurationProblem,
    Found,
    OutboundMessage,
    Provider,
    Rejected,
    Retry,
    SendOutcome,
)
from providers.inbox.live import InboxProvider
from providers.push.firebase import FirebasePushProvider
from tests.contract.bench import Bench, Wrap
from tests.contract.cases import CASES
from tests.contract.vendors import VENDORS
from tests.contract.vendors.common import Vendor
from tests.contract.vendors.firebase import FIREBASE
from tests.contract.vendors.onesignal import ONESIGNAL
from tests.contract.vendors.resend import RESEND
from tests.contract.vendors.smtp import SMTP
from tests.contract.vendors.twilio import TWILIO
from tests.contract.wire import WireServer
from tests.unit.sandbox.support import Receiver, SandboxProcess

ALL = [
    pytest.param(vendor, name, id=f"{vendor.name}-{name}") for vendor in VENDORS for name in CASES
]


@asynccontextmanager
async def bench_of(
    vendor: Vendor,
    sandbox: SandboxProcess,
    receiver: Receiver,
    wire: WireServer,
    wrap: Wrap = lambda provider: provider,
) -> AsyncIterator[Bench]:
    bench = Bench(vendor, sandbox, receiver, wire, wrap)
    try:
        yield bench
    finally:
        await bench.close()


@pytest.mark.parametrize(("vendor", "name"), ALL)
async def test_provider(
    vendor: Vendor, name: str, sandbox: SandboxProcess, receiver: Receiver, wire: WireServer
) -> None:
    async with bench_of(vendor, sandbox, receiver, wire) as bench:
        await CASES[name](bench, vendor.expected[name])


@pytest.mark.parametrize("vendor", VENDORS, ids=lambda vendor: vendor.name)
def test_every_vendor_declares_every_case(vendor: Vendor) -> None:
    assert vendor.expected.keys() == CASES.keys()


def test_every_provider_is_held_to_the_contract() -> None:
    """Whatever class in `providers/` can send is in the tables; the inbox, which has no wire, has
    tests of its own."""
    found = set()
    for module in pkgutil.walk_packages(providers.__path__, "providers."):
        for value in vars(importlib.import_module(module.name)).values():
            if isinstance(value, type) and value.__module__.startswith("providers."):
                found |= {value} if hasattr(value, "send") and hasattr(value, "recovery") else set()
    made = {type(vendor.build("http://127.0.0.1:9", "http://127.0.0.1:9")) for vendor in VENDORS}
    assert found == made | {InboxProvider}


class Hollow:
    """A provider with every behaviour removed."""

    def __init__(self, inner: Provider) -> None:
        self.name, self.channel = inner.name, inner.channel
        self.recovery = inner.recovery

    async def send(self, message: OutboundMessage) -> SendOutcome:
        return Accepted("made-up")

    async def find(self, message: OutboundMessage) -> tuple[Found, ...] | None:
        return (Found("made-up"),)

    async def track(self, provider_message_id: str) -> Receipt | None:
        raise AssertionError("it cannot say")

    async def verify_webhook(self, headers: Mapping[str, str], body: bytes, url: str) -> None:
        return None

    def parse_webhook(self, body: bytes) -> tuple[Callback, ...]:
        return ()

    async def validate_configuration(self) -> tuple[ConfigurationProblem, ...]:
        return (ConfigurationProblem("EVERYTHING", "is wrong"),)

    async def aclose(self) -> None:
        raise AssertionError("it cannot close")


@pytest.mark.parametrize(("vendor", "name"), ALL)
async def test_a_provider_with_its_behaviour_removed_fails(
    vendor: Vendor, name: str, sandbox: SandboxProcess, receiver: Receiver, wire: WireServer
) -> None:
    async with bench_of(vendor, sandbox, receiver, wire, Hollow) as bench:
        with pytest.raises((AssertionError, pytest.fail.Exception)):
            await CASES[name](bench, vendor.expected[name])


REMOVED = {
    "send": "success",
    "find": "find",
    "track": "track",
    "verify_webhook": "webhook_forged",
    "parse_webhook": "webhook",
    "validate_configuration": "configuration",
    "aclose": "closing",
}
"""Each behaviour of a provider, and the case that misses it."""


@pytest.mark.parametrize(
    ("vendor", "behaviour"),
    [
        pytest.param(vendor, behaviour, id=f"{vendor.name}-{behaviour}")
        for vendor in VENDORS
        for behaviour in REMOVED
        # Whoever calls nobody back has no callback to read.
        if behaviour != "parse_webhook" or vendor.sign is not None
    ],
)
async def test_one_behaviour_removed_is_noticed(
    vendor: Vendor, behaviour: str, sandbox: SandboxProcess, receiver: Receiver, wire: WireServer
) -> None:
    class Without(Sabotaged):
        def __getattr__(self, name: str) -> Any:
            return getattr(Hollow(self.inner) if name == behaviour else self.inner, name)

    name = REMOVED[behaviour]
    async with bench_of(vendor, sandbox, receiver, wire, Without) as bench:
        with pytest.raises((AssertionError, pytest.fail.Exception, HeraldError)):
            await CASES[name](bench, vendor.expected[name])


class Sabotaged:
    """The real provider, with one thing wrong."""

    def __init__(self, inner: Provider) -> None:
        self.inner = inner

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)


class Twice(Sabotaged):
    async def send(self, message: OutboundMessage) -> SendOutcome:
        await self.inner.send(message)
        return await self.inner.send(message)


class NewKeyEachTime(Sabotaged):
    async def send(self, message: OutboundMessage) -> SendOutcome:
        return await self.inner.send(replace(message, delivery_id=new_id()))


class Impatient(Sabotaged):
    """Forgets what the vendor asked for."""

    async def send(self, message: OutboundMessage) -> SendOutcome:
        outcome = await self.inner.send(message)
        return replace(outcome, after=None) if isinstance(outcome, Retry) else outcome


class Clinging(Sabotaged):
    """Keeps dead tokens."""

    async def send(self, message: OutboundMessage) -> SendOutcome:
        outcome = await self.inner.send(message)
        return replace(outcome, target_gone=False) if isinstance(outcome, Rejected) else outcome


class Guessing(Sabotaged):
    """Takes silence for a no."""

    async def find(self, message: OutboundMessage) -> tuple[Found, ...] | None:
        return await self.inner.find(message) or ()


class Backwards(Sabotaged):
    async def find(self, message: OutboundMessage) -> tuple[Found, ...] | None:
        return tuple(reversed(await self.inner.find(message) or ()))


def repeating_sdk(provider: Provider) -> Provider:
    """The SDK's own repeating put back."""
    assert isinstance(provider, FirebasePushProvider)
    provider._service._async_client = _http_client.HttpxAsyncClient(
        retry_config=HttpxRetry(max_retries=1, status_forcelist=[503])
    )
    return provider


SABOTAGES: list[tuple[Vendor, str, Any]] = [
    *((vendor, "success", Twice) for vendor in VENDORS),
    *((vendor, "server_error", Twice) for vendor in VENDORS),
    *((vendor, name, Impatient) for vendor in VENDORS if vendor is not SMTP
      for name in ("rate_limit_with_retry_after", "unavailable_with_retry_after")),
    *((vendor, name, NewKeyEachTime) for vendor in (RESEND, FIREBASE, ONESIGNAL)
      for name in ("recovery", "repeat")),
    (FIREBASE, "permanent_refusal", Clinging),
    (ONESIGNAL, "permanent_refusal", Clinging),
    (FIREBASE, "unavailable_with_retry_after", repeating_sdk),
    (TWILIO, "find_unreachable", Guessing),
    (TWILIO, "find", Backwards),
]  # fmt: skip


@pytest.mark.parametrize(
    ("vendor", "name", "sabotage"),
    SABOTAGES,
    ids=lambda value: getattr(value, "__name__", getattr(value, "name", value)),
)
async def test_one_thing_wrong_is_noticed(
    vendor: Vendor,
    name: str,
    sabotage: Wrap,
    sandbox: SandboxProcess,
    receiver: Receiver,
    wire: WireServer,
) -> None:
    async with bench_of(vendor, sandbox, receiver, wire, sabotage) as bench:
        with pytest.raises(AssertionError):
            await CASES[name](bench, vendor.expected[name])
