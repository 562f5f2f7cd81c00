"""Tells the workflows of A/B tests what their rows say: that a test began, or ended by hand.

Any number of relays may run: a workflow started twice is one, and one woken twice looks twice.
"""

import asyncio
from datetime import timedelta
from typing import Final
from uuid import UUID

from domain.ports.ab_tests import ABTestGateway, WorkflowCall
from domain.ports.runtime import Clock
from domain.ports.storage import UnitOfWork

CLAIM: Final = timedelta(seconds=30)
BATCH: Final = 20


class ABTestRelay:
    def __init__(self, uow: UnitOfWork, gateway: ABTestGateway, clock: Clock) -> None:
        self._uow = uow
        self._gateway = gateway
        self._clock = clock

    async def run_once(self) -> int:
        """How many workflows were told. Raises `Unavailable` while Temporal is away."""
        async with self._uow() as tx:
            calls = await tx.ab_tests.claim_calls(again_before=self._clock() - CLAIM, limit=BATCH)
        told = await asyncio.gather(
            *(self._tell(test_id, call) for test_id, call in calls), return_exceptions=True
        )
        for failure in told:
            if isinstance(failure, BaseException):
                raise failure
        return len(calls)

    async def _tell(self, test_id: UUID, call: WorkflowCall) -> None:
        if call is WorkflowCall.START:
            await self._gateway.start_ab_test(test_id)
        else:
            await self._gateway.wake_ab_test(test_id)
        async with self._uow() as tx:
            await tx.ab_tests.called(test_id, call)
