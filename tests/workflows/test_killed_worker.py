"""A worker killed in the middle of a delivery is noticed by its silence, and another goes on."""

import asyncio
import sys
import time
from asyncio.subprocess import PIPE
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest
from temporalio.worker import Worker

from activities.delivery import DeliveryActivities
from domain.enums import Channel
from domain.ids import DELIVERY_QUEUES
from tests.workflows.ledger import NOW, Case
from tests.workflows.world import open_world, prepare
from workflows.options import DELIVER

if TYPE_CHECKING:
    from runtime.embedded.stack import EmbeddedStack

ROOT = Path(__file__).parents[2]
CHANNEL = Channel.PUSH


@pytest.mark.slow
async def test_another_worker_takes_over(stack: "EmbeddedStack") -> None:
    address, namespace = stack.temporal_address, f"killed-{uuid4().hex[:12]}"
    await prepare(address, namespace)
    others = [queue for channel, queue in DELIVERY_QUEUES.items() if channel is not CHANNEL]
    async with open_world(address, namespace, deliver_on=others) as world:
        doomed = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "tests.workflows.lonely_worker", address, namespace,
            DELIVERY_QUEUES[CHANNEL], stdout=PIPE, cwd=ROOT,
        )  # fmt: skip
        try:
            case = Case({CHANNEL: NOW})
            handle = await world.start(case, skip=False)
            assert doomed.stdout is not None
            assert await doomed.stdout.readline() == b"delivering\n"
        finally:
            doomed.kill()
            await doomed.wait()
        killed_at = time.monotonic()
        delivery = DeliveryActivities(world.ledger)
        async with Worker(
            world.client, task_queue=DELIVERY_QUEUES[CHANNEL], activities=[delivery.deliver]
        ):
            await handle.result()
    silence, rest = DELIVER[CHANNEL]["heartbeat_timeout"], DELIVER[CHANNEL]["retry_policy"]
    patience = silence + rest.initial_interval + timedelta(seconds=10)
    assert time.monotonic() - killed_at < patience.total_seconds()
    assert case.sent == [CHANNEL]
    case.assert_closed()
