"""How a send ends, whatever the vendor and the way to it do. One send is always one call."""

import asyncio
from datetime import timedelta
from typing import Any

from domain.ports.providers import Accepted, OutboundMessage
from tests.contract.bench import Bench, case, check
from tests.contract.vendors.common import Ending
from tests.contract.wire import deaf_address

BRIEF = timedelta(milliseconds=200)


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
async def timeout_before_taking(bench: Bench, expected: Ending) -> None:
    """The vendor is silent, and never takes it."""
    message = bench.vendor.message()
    async with bench.vendor.silent(bench.wire) as url:
        check(await bench.provider(url, timeout=BRIEF).send(message), expected, message)
    assert bench.taken(message) == []


@case
async def timeout_after_taking(bench: Bench, expected: Ending) -> None:
    """The vendor takes it, and says so to nobody who still listens."""
    message = bench.vendor.message()
    provider = bench.provider(timeout=BRIEF)
    bench.fault(message, "delay", delayMs=400)
    check(await bench.counted(provider, message), expected, message)
    async with asyncio.timeout(5):
        while not bench.taken(message):
            await asyncio.sleep(0.05)
    assert len(bench.taken(message)) == 1


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
    if bench.vendor.malformed is not None:
        await bench.vendor.malformed(bench, expected)
        return
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
    nowhere = bench.sandbox.url + "/nowhere"
    # A mail server is waited for, as it has the first word.
    provider = bench.provider(nowhere, timeout=timedelta(seconds=2))
    check(await provider.send(message), expected, message)


@case
async def bad_credentials(bench: Bench, expected: Ending) -> None:
    message = bench.vendor.message()
    check(await bench.unknown().send(message), expected, message)
    assert bench.taken(message) == []
