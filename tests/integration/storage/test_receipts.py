"""Provider receipts on the ledger: any order, any number of times, the same end."""

import itertools

import asyncpg
import pytest

from domain.enums import DeliveryStatus
from tests.integration.storage.conftest import Ledger, now
from tests.integration.storage.test_deliveries import S, result, sending


@pytest.mark.parametrize("order", list(itertools.permutations([S.SENT, S.DELIVERED, S.COMPLAINED])))
async def test_receipts_in_any_order_end_the_same(
    ledger: Ledger, order: tuple[DeliveryStatus, ...]
) -> None:
    line = await sending(ledger)
    message = f"m-{line.id}"
    async with ledger.uow() as tx:
        await tx.deliveries.record([result(line, provider_message_id=message)])
        for status in (*order, *order):
            after = await tx.deliveries.receive(
                "resend", message, status, now(), code=None, message=None
            )
            assert after is not None
    assert after.status is S.COMPLAINED


async def test_a_receipt_for_nobody_and_one_for_another_provider(ledger: Ledger) -> None:
    line = await sending(ledger)
    message = f"m-{line.id}"
    async with ledger.uow() as tx:
        await tx.deliveries.record([result(line, provider_message_id=message)])
        for provider, known in (("resend", "other"), ("twilio", message)):
            assert None is await tx.deliveries.receive(
                provider, known, S.DELIVERED, now(), code=None, message=None
            )
        failed = await tx.deliveries.receive(
            "resend", message, S.BOUNCED, now(), code="hard", message="No such box."
        )
        known_ids = await tx.deliveries.known_message_ids("resend", [message, "other"])
    assert failed is not None
    assert (failed.status, failed.error_code) == (S.BOUNCED, "hard")
    assert known_ids == {message}


async def test_two_lines_cannot_claim_the_same_message(ledger: Ledger) -> None:
    first, second = await sending(ledger), await sending(ledger)
    message = f"m-{first.id}"
    async with ledger.uow() as tx:
        await tx.deliveries.record([result(first, provider_message_id=message)])
    with pytest.raises(asyncpg.UniqueViolationError):
        async with ledger.uow() as tx:
            await tx.deliveries.record([result(second, provider_message_id=message)])
