"""The cases every provider must pass, over the wire. Each is told what the vendor's table expects.

A send is always counted at the vendor: one send is one HTTP call, whatever comes of it.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from domain.content import RenderedMessage
from domain.enums import DeliveryStatus
from domain.errors import HeraldError
from domain.ports.providers import (
    Accepted,
    Found,
    OutboundMessage,
    Provider,
    Receipt,
    Rejected,
    Retry,
    SendOutcome,
)
from tests.contract.vendors import PATIENCE, Ending, Signed, Vendor, now_stamp
from tests.contract.wire import WireServer, deaf_address
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
        whole = self.sandbox.url + self.vendor.prefix if url is None else url
        return self._keep(self.vendor.build(whole, self.receiver.url, timeout))

    def unknown(self) -> Provider:
        """A provider with credentials that the vendor does not know."""
        self.wire.will_answer(401, b'{"error": "invalid_grant", "error_description": "no"}')
        url = self.sandbox.url + self.vendor.prefix
        return self._keep(self.vendor.build_unknown(url, self.receiver.url, self.wire.url))

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
        answer = await asyncio.to_thread(
            self.sandbox.callback, self.vendor.name, outcome.provider_message_id, "delivered"
        )
        assert answer.status_code == 200, answer.text
        call = self.receiver.requests[-1]
        signed = Signed(call.headers, call.body.encode(), self.receiver.url + call.path)
        return outcome.provider_message_id, signed


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


async def _faulty(bench: Bench, expected: Ending, kind: str, **facts: Any) -> OutboundMessage:
    message = bench.vendor.message()
    provider = bench.provider()
    bench.fault(message, kind, **facts)
    check(await bench.counted(provider, message), expected, message)
    return message


@case
async def success(bench: Bench, expected: Ending) -> None:
    message = bench.vendor.message()
    outcome = await bench.counted(bench.provider(), message)
    check(outcome, expected, message)
    assert isinstance(outcome, Accepted)
    taken = bench.taken(message)
    assert [sent["id"] for sent in taken] == [outcome.provider_message_id]
    assert taken[0]["text"] == message.message.text


@case
async def permanent_refusal(bench: Bench, expected: Ending) -> None:
    message = bench.vendor.message(target=bench.vendor.refused_target)
    check(await bench.counted(bench.provider(), message), expected, message)
    assert bench.taken(message) == []


@case
async def rate_limit(bench: Bench, expected: Ending) -> None:
    message = await _faulty(bench, expected, "status", status=429)
    assert bench.taken(message) == []


@case
async def rate_limit_with_retry_after(bench: Bench, expected: Ending) -> None:
    await _faulty(bench, expected, "status", status=429, retryAfter=7)


@case
async def server_error(bench: Bench, expected: Ending) -> None:
    await _faulty(bench, expected, "status", status=500)


@case
async def unavailable_with_retry_after(bench: Bench, expected: Ending) -> None:
    await _faulty(bench, expected, "status", status=503, retryAfter=3)


@case
async def gateway_error(bench: Bench, expected: Ending) -> None:
    await _faulty(bench, expected, "status", status=502)


@case
async def connection_refused(bench: Bench, expected: Ending) -> None:
    with deaf_address() as url:
        message = bench.vendor.message()
        check(await bench.provider(url).send(message), expected, message)


@case
async def timeout(bench: Bench, expected: Ending) -> None:
    message = bench.vendor.message()
    provider = bench.provider(timeout=timedelta(milliseconds=250))
    bench.fault(message, "delay", delayMs=2_000)
    check(await bench.counted(provider, message), expected, message)


@case
async def reset_before_taking(bench: Bench, expected: Ending) -> None:
    message = await _faulty(bench, expected, "reset")
    assert bench.taken(message) == []


@case
async def dropped_response(bench: Bench, expected: Ending) -> None:
    message = await _faulty(bench, expected, "drop_response")
    assert len(bench.taken(message)) == 1


@case
async def malformed_answer(bench: Bench, expected: Ending) -> None:
    message = bench.vendor.message()
    provider = bench.provider(bench.wire.url)
    for body, content_type in (
        (b"<html>OK</html>", "text/html"),
        (b'{"id": ', "application/json"),
        (b"", "application/json"),
        (b"{}", "application/json"),
        (b"[]", "application/json"),
        (b"null", "application/json"),
        (b'"\xff"', "application/json"),
    ):
        bench.wire.will_answer(200, body, content_type)
        check(await provider.send(message), expected, message)
        assert len(bench.wire.seen) == 1, body


@case
async def wrong_address(bench: Bench, expected: Ending) -> None:
    message = bench.vendor.message()
    check(await bench.provider(bench.sandbox.url + "/nowhere").send(message), expected, message)


@case
async def bad_credentials(bench: Bench, expected: Ending) -> None:
    message = bench.vendor.message()
    check(await bench.unknown().send(message), expected, message)
    assert bench.taken(message) == []


@case
async def recovery(bench: Bench, expected: str) -> None:
    """After an answer that got lost, the vendor's way to certainty leaves one message."""
    message = bench.vendor.message(first_tried_at=datetime.now(UTC))
    provider = bench.provider()
    assert provider.recovery is bench.vendor.recovery
    bench.fault(message, "drop_response")
    await provider.send(message)
    first = bench.taken(message)
    assert len(first) == 1
    if expected == "found":
        assert await provider.find(message) == (Found(first[0]["id"]),)
        return
    again = await bench.counted(provider, message)
    taken = bench.taken(message)
    assert isinstance(again, Accepted)
    assert [sent["id"] for sent in taken] == [again.provider_message_id]
    assert (taken[0]["id"] == first[0]["id"]) is (expected == "same message")
    assert taken[0]["replaced"] == (1 if expected == "replaced" else 0)


@case
async def repeat(bench: Bench, expected: str) -> None:
    message = bench.vendor.message()
    provider = bench.provider()
    one, two = await provider.send(message), await provider.send(message)
    assert isinstance(one, Accepted)
    assert isinstance(two, Accepted)
    taken = [sent["id"] for sent in bench.taken(message)]
    first, second = one.provider_message_id, two.provider_message_id
    match expected:
        case "same message":
            assert first == second
            assert taken == [first]
        case "replaced":
            assert first != second
            assert taken == [second]
        case "another message":
            assert taken == [first, second]
        case _:
            raise AssertionError(expected)


@case
async def find(bench: Bench, expected: str | None) -> None:
    """Only what has this recipient and these words, newest last."""
    message = bench.vendor.message(first_tried_at=datetime.now(UTC))
    words = RenderedMessage(subject="Another", title="Another", text="Another")
    other = bench.vendor.message(target=message.target, message=words)
    provider = bench.provider()
    outcomes = [await provider.send(sent) for sent in (message, other, message)]
    await provider.send(bench.vendor.message())
    found = await provider.find(message)
    if expected is None:
        assert found is None
        return
    assert found is not None
    assert [f.provider_message_id for f in found] == [
        outcome.provider_message_id
        for outcome in (outcomes[0], outcomes[2])
        if isinstance(outcome, Accepted)
    ]
    assert len(found) == 2


@case
async def find_nothing(bench: Bench, expected: tuple[Found, ...] | None) -> None:
    message = bench.vendor.message(first_tried_at=datetime.now(UTC))
    assert await bench.provider().find(message) == expected


@case
async def find_unreachable(bench: Bench, expected: None) -> None:
    """A vendor that cannot be asked has not said no."""
    message = bench.vendor.message(first_tried_at=datetime.now(UTC))
    provider = bench.provider()
    await provider.send(message)
    bench.sandbox.fault(bench.vendor.name, "status", status=503, on="ask", to=message.target)
    assert await provider.find(message) is expected
    with deaf_address() as url:
        assert await bench.provider(url).find(message) is expected
    bench.wire.will_answer(200, b"[]")
    assert await bench.provider(bench.wire.url).find(message) is expected


@case
async def track(bench: Bench, expected: str | None) -> None:
    provider = bench.provider()
    message_id, _ = await bench.delivered(provider)
    receipt = await provider.track(message_id)
    if expected is None:
        assert receipt is None
        return
    assert receipt is not None
    assert (receipt.provider_message_id, receipt.status) == (message_id, expected)
    assert receipt.at.utcoffset() is not None


@case
async def track_unknown(bench: Bench, expected: None) -> None:
    assert await bench.provider().track("SM" + "0" * 32) is expected


@case
async def track_unreachable(bench: Bench, expected: None) -> None:
    with deaf_address() as url:
        assert await bench.provider(url).track("SM" + "0" * 32) is expected
    for body in (b"[]", b"{}", b"null", b"<", b'{"last_event": [], "status": 1}'):
        bench.wire.will_answer(200, body)
        assert await bench.provider(bench.wire.url).track("SM" + "0" * 32) is expected


def _receipts(provider: Provider, signed: Signed) -> tuple[Receipt, ...]:
    return provider.parse_webhook(signed.headers, signed.body, signed.url)


def _refused(provider: Provider, signed: Signed, expected: type[HeraldError]) -> None:
    with pytest.raises(expected) as caught:
        _receipts(provider, signed)
    assert type(caught.value) is expected


def _expect_delivered(provider: Provider, signed: Signed, message_id: str) -> None:
    (receipt,) = _receipts(provider, signed)
    assert (receipt.provider_message_id, receipt.status) == (message_id, DeliveryStatus.DELIVERED)
    assert receipt.at.utcoffset() is not None
    assert receipt.code is None


ANYTHING = Signed({}, b"{}", "http://127.0.0.1/api/webhooks/anything")


@case
async def webhook(bench: Bench, expected: Any) -> None:
    provider = bench.provider()
    message_id, signed = await bench.delivered(provider)
    if signed is None:
        _refused(provider, ANYTHING, expected)
        return
    _expect_delivered(provider, signed, message_id)
    assert signed.headers.keys() == {name.lower() for name in signed.headers}
    upper = replace(signed, headers={name.upper(): v for name, v in signed.headers.items()})
    _expect_delivered(provider, upper, message_id)


@case
async def webhook_forged(bench: Bench, expected: type[HeraldError]) -> None:
    provider = bench.provider()
    _, signed = await bench.delivered(provider)
    if signed is None:
        _refused(provider, ANYTHING, expected)
        return
    other = signed.body.replace(b"delivered", b"failed")
    assert other != signed.body
    _refused(provider, replace(signed, body=other), expected)
    _refused(provider, replace(signed, headers={}), expected)
    _refused(provider, replace(signed, body=b"\xff\xfe"), expected)
    _refused(provider, replace(signed, body=b""), expected)
    for name in signed.headers:
        if "signature" in name:
            bent = {**signed.headers, name: signed.headers[name][:-4] + "AAA="}
            _refused(provider, replace(signed, headers=bent), expected)
    if bench.vendor.name == "twilio":
        _refused(provider, replace(signed, url=signed.url + "?x=1"), expected)


@case
async def webhook_stale(bench: Bench, expected: Any) -> None:
    provider = bench.provider()
    message_id, signed = await bench.delivered(provider)
    if signed is None or bench.vendor.sign is None:
        _refused(provider, ANYTHING, expected)
        return
    body = signed.body if bench.vendor.name == "resend" else _form(message_id)
    _expect_delivered(provider, bench.vendor.sign(body, signed.url, now_stamp()), message_id)
    for age in (600, -600):
        old = bench.vendor.sign(body, signed.url, now_stamp() - age)
        if expected == "delivered":
            _expect_delivered(provider, old, message_id)
        else:
            _refused(provider, old, expected)


def _form(message_id: str) -> bytes:
    return f"MessageSid={message_id}&MessageStatus=delivered".encode()


@case
async def webhook_repeated(bench: Bench, expected: Any) -> None:
    """The same callback twice says the same thing about the same message."""
    provider = bench.provider()
    message_id, signed = await bench.delivered(provider)
    if signed is None:
        _refused(provider, ANYTHING, expected)
        _refused(provider, ANYTHING, expected)
        return
    _expect_delivered(provider, signed, message_id)
    _expect_delivered(provider, signed, message_id)


@case
async def webhook_unreadable(bench: Bench, expected: type[HeraldError]) -> None:
    """Signed by the vendor, and still nonsense."""
    provider = bench.provider()
    if bench.vendor.sign is None:
        _refused(provider, ANYTHING, expected)
        return
    url = bench.receiver.url + f"/api/webhooks/{bench.vendor.name}"
    bodies = (
        (b"[]", b"{}", b'{"type": "email.delivered"}', b"not json")
        if bench.vendor.name == "resend"
        else (b"Some=Thing", b"MessageStatus=delivered", b"MessageSid=SM1")
    )
    for body in bodies:
        _refused(provider, bench.vendor.sign(body, url, now_stamp()), expected)


@case
async def configuration(bench: Bench, expected: tuple[Any, ...]) -> None:
    assert await bench.provider().validate_configuration() == expected


@case
async def configuration_bad(bench: Bench, expected: str) -> None:
    (problem,) = await bench.unknown().validate_configuration()
    assert problem.setting == expected
    with deaf_address() as url:
        (problem,) = await bench.provider(url).validate_configuration()
    assert problem.setting == bench.vendor.settings[1]


@case
async def closing(bench: Bench, expected: None) -> None:
    """Leaves no connection open, unused, used, or closed before."""
    unused, used = bench.provider(), bench.provider()
    await unused.aclose()
    assert isinstance(await used.send(bench.vendor.message()), Accepted)
    await used.aclose()
    await used.aclose()
