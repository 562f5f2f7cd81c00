"""The bench a case is run on, and the list of all cases.

A send is always counted at the vendor: one send is one HTTP call, whatever comes of it.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from domain.ports.providers import (
    Accepted,
    OutboundMessage,
    Provider,
    Rejected,
    Retry,
    SendOutcome,
)
from tests.contract.vendors.common import PATIENCE, Ending, Signed, Vendor, now_stamp
from tests.contract.wire import WireServer
from tests.unit.sandbox.support import Receiver, SandboxProcess

Wrap = Callable[[Provider], Provider]


@dataclass
class Bench:
    """One vendor, its sandbox, and what stands where the sandbox cannot."""

    vendor: Vendor
    sandbox: SandboxProcess
    receiver: Receiver
    wire: WireServer
    wrap: Wrap = lambda provider: provider
    """What a sabotage puts around the provider."""
    built: list[Provider] = field(default_factory=list)

    def provider(self, url: str | None = None, timeout: timedelta = PATIENCE) -> Provider:
        whole = self._address() if url is None else url
        return self._keep(self.vendor.build(whole, self.receiver.url, timeout))

    def unknown(self) -> Provider:
        """A provider with credentials that the vendor does not know."""
        self.wire.will_answer(401, b'{"error": "invalid_grant", "error_description": "no"}')
        return self._keep(
            self.vendor.build_unknown(self._address(), self.receiver.url, self.wire.url)
        )

    def _address(self) -> str:
        if self.vendor.address is not None:
            return self.vendor.address(self.sandbox)
        return self.sandbox.url + self.vendor.prefix

    def _keep(self, provider: Provider) -> Provider:
        wrapped = self.wrap(provider)
        self.built.append(provider)
        return wrapped

    async def close(self) -> None:
        for provider in self.built:
            await provider.aclose()

    def fault(self, message: OutboundMessage, kind: str, **facts: Any) -> None:
        self.sandbox.fault(self.vendor.name, kind, to=message.target, times=1, **facts)

    async def counted(self, provider: Provider, message: OutboundMessage) -> SendOutcome:
        """Sends and asserts that the vendor was called exactly once."""
        before = self._calls(message)
        if before is None:
            self.sandbox.fault(self.vendor.name, "delay", delayMs=1, to=message.target)
        outcome = await provider.send(message)
        assert self._calls(message) == (before or 0) + 1, "one send is one call"
        return outcome

    def _calls(self, message: OutboundMessage) -> int | None:
        faults = self.sandbox.http.get("/faults", params={"provider": self.vendor.name}).json()
        hits: list[int] = [
            fault["hits"]
            for fault in faults["data"]
            if fault["to"] == message.target and fault["delayMs"] == 1
        ]
        return hits[0] if hits else None

    def taken(self, message: OutboundMessage) -> list[dict[str, Any]]:
        """What the vendor took for this recipient, oldest first."""
        return self.sandbox.messages(provider=self.vendor.name, to=message.target)

    async def delivered(self, provider: Provider) -> tuple[str, Signed | None]:
        """Sends a message and has the vendor call back; None when this vendor never does."""
        outcome = await provider.send(self.vendor.message())
        assert isinstance(outcome, Accepted)
        if self.vendor.sign is None:
            return outcome.provider_message_id, None
        message_id = outcome.provider_message_id
        return message_id, await self._called_back(message_id, "delivered")

    async def earlier(self, message_id: str) -> Signed:
        """What the vendor says of a message before it is delivered."""
        vendor = self.vendor
        if vendor.earlier is None or vendor.sign is None:
            return await self._called_back(message_id, "sent")
        body = vendor.earlier(message_id, self.sandbox.url + vendor.prefix)
        return vendor.sign(body, f"{self.receiver.url}/api/webhooks/{vendor.name}", now_stamp())

    async def _called_back(self, message_id: str, event: str) -> Signed:
        answer = await asyncio.to_thread(self.sandbox.callback, self.vendor.name, message_id, event)
        assert answer.status_code == 200, answer.text
        call = self.receiver.requests[-1]
        return Signed(call.headers, call.body.encode(), self.receiver.url + call.path)


Case = Callable[[Bench, Any], Awaitable[None]]
CASES: dict[str, Case] = {}


def case(function: Case) -> Case:
    CASES[function.__name__] = function
    return function


def check(outcome: SendOutcome, expected: Ending, message: OutboundMessage) -> None:
    assert type(outcome) is expected.kind, outcome
    if isinstance(outcome, Accepted):
        return
    assert outcome.code == expected.code, outcome
    assert message.target not in outcome.message, "people read it: no addresses"
    if isinstance(outcome, Retry):
        wanted = None if expected.after is None else timedelta(seconds=expected.after)
        assert outcome.after == wanted, outcome
        assert outcome.fail_over is expected.fail_over, outcome
    if isinstance(outcome, Rejected):
        assert outcome.target_gone is expected.target_gone, outcome
