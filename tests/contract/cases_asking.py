"""What is certain after a doubt, what a vendor says later, by being asked or by calling back, and
whether its settings are good."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from domain.callbacks import Callback, Receipt
from domain.content import RenderedMessage
from domain.enums import DeliveryStatus
from domain.errors import HeraldError
from domain.ports.providers import Accepted, Found, Provider
from domain.receipts import advances
from tests.contract.bench import Bench, case
from tests.contract.vendors.common import Signed, now_stamp
from tests.contract.wire import deaf_address


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
    if expected == "none":
        assert await provider.find(message) is None
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


async def heard(provider: Provider, signed: Signed) -> tuple[Callback, ...]:
    """What a callback says once it is verified."""
    await provider.verify_webhook(signed.headers, signed.body, signed.url)
    return provider.parse_webhook(signed.body)


async def _refused(provider: Provider, signed: Signed, expected: type[HeraldError]) -> None:
    with pytest.raises(expected) as caught:
        await heard(provider, signed)
    assert type(caught.value) is expected


async def _expect_delivered(provider: Provider, signed: Signed, message_id: str) -> None:
    told = await heard(provider, signed)
    assert len(told) == 1
    receipt = told[0]
    assert isinstance(receipt, Receipt)
    assert (receipt.provider_message_id, receipt.status) == (message_id, DeliveryStatus.DELIVERED)
    assert receipt.at.utcoffset() is not None
    assert receipt.code is None


ANYTHING = Signed({}, b"{}", "http://127.0.0.1/api/webhooks/anything")


@case
async def webhook(bench: Bench, expected: Any) -> None:
    provider = bench.provider()
    message_id, signed = await bench.delivered(provider)
    if signed is None:
        await _refused(provider, ANYTHING, expected)
        return
    await _expect_delivered(provider, signed, message_id)
    assert signed.headers.keys() == {name.lower() for name in signed.headers}
    upper = replace(signed, headers={name.upper(): v for name, v in signed.headers.items()})
    await _expect_delivered(provider, upper, message_id)


@case
async def webhook_forged(bench: Bench, expected: type[HeraldError]) -> None:
    provider = bench.provider()
    _, signed = await bench.delivered(provider)
    if signed is None:
        await _refused(provider, ANYTHING, expected)
        return
    for bent in bench.vendor.bend(signed):
        await _refused(provider, bent, expected)
    if bench.vendor.signs_body:
        other = signed.body.replace(bench.vendor.word, b"failed")
        assert other != signed.body
        await _refused(provider, replace(signed, body=other), expected)
        await _refused(provider, replace(signed, body=b"\xff\xfe"), expected)
        await _refused(provider, replace(signed, body=b""), expected)
    if bench.vendor.signs_address:
        await _refused(provider, replace(signed, url=signed.url + "?x=1"), expected)


@case
async def webhook_stale(bench: Bench, expected: Any) -> None:
    provider = bench.provider()
    message_id, signed = await bench.delivered(provider)
    if signed is None or bench.vendor.sign is None:
        await _refused(provider, ANYTHING, expected)
        return
    body = bench.vendor.signed_body(signed.body, message_id)
    await _expect_delivered(provider, bench.vendor.sign(body, signed.url, now_stamp()), message_id)
    for age in (bench.vendor.stale_after, -600):
        old = bench.vendor.sign(body, signed.url, now_stamp() - age)
        if expected == "delivered":
            await _expect_delivered(provider, old, message_id)
        else:
            await _refused(provider, old, expected)


@case
async def webhook_repeated(bench: Bench, expected: Any) -> None:
    """The same callback twice says the same thing about the same message."""
    provider = bench.provider()
    message_id, signed = await bench.delivered(provider)
    if signed is None:
        await _refused(provider, ANYTHING, expected)
        await _refused(provider, ANYTHING, expected)
        return
    await _expect_delivered(provider, signed, message_id)
    await _expect_delivered(provider, signed, message_id)


@case
async def webhook_out_of_order(bench: Bench, expected: Any) -> None:
    """What was told first and comes last takes nothing back."""
    provider = bench.provider()
    message_id, late = await bench.delivered(provider)
    if late is None:
        await _refused(provider, ANYTHING, expected)
        return
    early = await bench.earlier(message_id)
    told_early = await heard(provider, early)
    assert len(told_early) == 1
    sent = told_early[0]
    assert isinstance(sent, Receipt)
    assert (sent.provider_message_id, sent.status) == (message_id, DeliveryStatus.SENT)
    for order in ((early, late), (late, early)):
        standing = DeliveryStatus.SENDING
        for signed in order:
            for told in await heard(provider, signed):
                assert isinstance(told, Receipt)
                standing = told.status if advances(standing, told.status) else standing
        assert standing == expected


@case
async def webhook_unreadable(bench: Bench, expected: type[HeraldError]) -> None:
    """Signed by the vendor, and still nonsense."""
    provider = bench.provider()
    if bench.vendor.sign is None:
        await _refused(provider, ANYTHING, expected)
        return
    url = bench.receiver.url + f"/api/webhooks/{bench.vendor.name}"
    vendor_url = bench.sandbox.url + bench.vendor.prefix
    for nonsense in bench.vendor.nonsense:
        body = bench.vendor.envelope(nonsense, vendor_url)
        await _refused(provider, bench.vendor.sign(body, url, now_stamp()), expected)


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
