"""Signals that meet partitions while they end, and the guard that a campaign outlives them."""

import asyncio
from contextlib import suppress

from temporalio.service import RPCError

from domain.campaigns.messages import CampaignSignal
from domain.campaigns.records import CampaignStatus
from tests.workflows.book import Sends
from tests.workflows.world import World


async def test_a_wake_up_call_for_a_partition_that_has_just_ended_does_no_harm(
    world: World,
) -> None:
    async def one() -> None:
        parts = [(low, low, None, False) for low in range(8)]
        case = Sends(parts=parts)
        handle = await world.send(case, skip=False)
        await case.calling.wait()
        with suppress(RPCError):  # it has ended
            while case.status is CampaignStatus.RUNNING:
                await handle.signal(CampaignSignal.CHANGED)
                await asyncio.sleep(0.01)
        assert (await handle.result()).status is CampaignStatus.COMPLETED
        case.assert_sent_once(*range(8))

    await asyncio.gather(*(one() for _ in range(3)))
