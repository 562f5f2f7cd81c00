"""Provider receipts on the ledger: any order, any number of times, the same end."""

import itertools

import asyncpg
import pytest

from domain.enums import Channel, DeliveryStatus
from domain.ports.deliveries import Received
from tests.integration.storage.conftest import Ledger, now
from tests.integration.storage.test_deliveries import S, result, sending


async def receive(
    ledger: Ledger, provider: str, message: str, status: DeliveryStatus, code: str | None = None
) -> tuple[Received, ...]:
    async with ledger.uow() as tx:
        return await tx.deliveries.receive(
            provider, message, status, now(), code=code, message=code
        )


@pytest.mark.parametrize("order", list(itertools.permutations([S.SENT, S.DELIVERED, S.COMPLAINED])))
async def test_receipts_in_any_order_end_the_same(
    ledger: Ledger, order: tuple[DeliveryStatus, ...]
) -> None:
    line = await sending(ledger)
    message = f"m-{line.id}"
    async with ledger.uow() as tx:
        await tx.deliveries.record([result(line, provider_message_id=message)])
    moves = []
    for status in (*order, *order):
        [after] = await receive(ledger, "resend", message, status)
        moves.append(after.moved)
    assert after.delivery.status is S.COMPLAINED
    assert moves[-3:] == [False] * 3
    assert any(moves)


async def test_a_receipt_for_nobody_and_one_for_another_provider(ledger: Ledger) -> None:
    line = await sending(ledger)
    message = f"m-{line.id}"
    async with ledger.uow() as tx:
        await tx.deliveries.record([result(line, provider_message_id=message)])
    for provider, known in (("resend", "other"), ("twilio", message)):
        assert await receive(ledger, provider, known, S.DELIVERED) == ()
    [failed] = await receive(ledger, "resend", message, S.BOUNCED, "hard")
    assert (failed.delivery.status, failed.delivery.error_code) == (S.BOUNCED, "hard")
    async with ledger.uow() as tx:
        assert await tx.deliveries.known_message_ids("resend", [message, "other"]) == {message}
        assert await tx.callbacks.notifications_of("resend", [message, "other"]) == (
            line.notification_id,
        )
        assert await tx.callbacks.notifications_of("twilio", [message]) == ()


async def test_a_delivered_message_has_left_though_nobody_said_so(ledger: Ledger) -> None:
    line = await sending(ledger)
    message = f"m-{line.id}"
    async with ledger.uow() as tx:
        await tx.deliveries.record(
            [result(line, status=S.UNKNOWN, outcome="unknown", provider_message_id=message)]
        )
    [after] = await receive(ledger, "resend", message, S.DELIVERED)
    assert after.moved
    assert after.delivery.sent_at == after.delivery.delivered_at is not None


async def test_a_message_to_all_of_a_users_devices_moves_all_of_their_lines(
    ledger: Ledger, sql: asyncpg.Connection
) -> None:
    item = await ledger.notification(await ledger.user())
    lines = [
        await ledger.delivery(item, channel=Channel.PUSH, target=f"device-{number}")
        for number in range(3)
    ]
    for line, status in zip(lines, ("sent", "sent", "delivered"), strict=True):
        await sql.execute(
            "update notification_deliveries set status = $2, provider_id = 'onesignal',"
            " provider_message_id = 'shared-1' where id = $1", line.id, status,
        )  # fmt: skip
    received = await receive(ledger, "onesignal", "shared-1", S.DELIVERED)
    assert {one.delivery.id for one in received} == {line.id for line in lines}
    assert {one.delivery.status for one in received} == {S.DELIVERED}
    assert sorted(one.moved for one in received) == [False, True, True]


async def test_the_receipt_of_an_earlier_try_leaves_the_present_one_alone(
    ledger: Ledger,
) -> None:
    line = await sending(ledger)
    message = f"m-{line.id}"
    async with ledger.uow() as tx:
        await tx.deliveries.record(
            [result(line, status=S.FAILED, outcome="rejected", provider_message_id=message)]
        )
        await tx.deliveries.reopen(line.notification_id, line.id)
        await tx.deliveries.write_intent(line.notification_id, {line.id: "resend"}, now())
    assert await receive(ledger, "resend", message, S.FAILED) == ()
    async with ledger.uow() as tx:
        assert [one.status for one in await tx.deliveries.of(line.notification_id)] == [S.SENDING]


async def test_two_lines_cannot_claim_the_same_message(ledger: Ledger) -> None:
    first, second = await sending(ledger), await sending(ledger)
    message = f"m-{first.id}"
    async with ledger.uow() as tx:
        await tx.deliveries.record([result(first, provider_message_id=message)])
    with pytest.raises(asyncpg.UniqueViolationError):
        async with ledger.uow() as tx:
            await tx.deliveries.record([result(second, provider_message_id=message)])
