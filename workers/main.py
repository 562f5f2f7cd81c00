"""A worker process: polls its queues until it is asked to stop, and then drains.

A Temporal server that is away is waited for, at the start as well as later. On SIGTERM or SIGINT
nothing new is taken up, and what runs has `GRACE` to end.
"""

import asyncio
import gc
import logging
import signal
from collections.abc import Sequence
from typing import Final

import uvloop
from temporalio.worker import Worker

from domain.errors import Unavailable
from domain.ids import MAINTENANCE_QUEUE
from runtime.container import Container
from runtime.relay_loop import run_relay
from runtime.schedules import ensure_schedules
from runtime.search_attributes import ensure_search_attributes
from runtime.settings import Settings
from runtime.temporal import connect_worker, make_runtime
from workers.queues import WORK, Services, make_worker

TRY_AGAIN_AFTER: Final = 2.0
GARBAGE: Final = (50_000, 20, 50)
"""A chunk makes many thousand objects that go when it ends: looked through as often as by default,
they are a fifteenth of a campaign's work."""

log = logging.getLogger(__name__)


class UnknownQueue(ValueError):
    """Names a queue that carries no work."""


def check_queues(queues: Sequence[str]) -> Sequence[str]:
    """The queues to poll, every one with work when none is named. Raises `UnknownQueue`."""
    unknown = [queue for queue in queues if queue not in WORK]
    if unknown:
        raise UnknownQueue(f"no such queue: {', '.join(unknown)}; there are {', '.join(WORK)}")
    return queues or tuple(WORK)


def run_process(settings: Settings, queues: Sequence[str], *, relay: bool = True) -> None:
    """Runs until SIGTERM or SIGINT. `relay`: this process also starts what nobody started."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_until_signalled(settings, check_queues(queues), relay=relay))


async def _until_signalled(settings: Settings, queues: Sequence[str], *, relay: bool) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    async with Container.open(settings) as container, asyncio.TaskGroup() as tasks:
        # What is there now stays: looking through it for garbage would stop all work for a tenth
        # of a second again and again.
        gc.freeze()
        gc.set_threshold(*GARBAGE)
        if relay:
            tasks.create_task(run_relay(container.relay, stop))
            tasks.create_task(run_relay(container.callbacks, stop))
            tasks.create_task(run_relay(container.campaign_relay, stop))
            tasks.create_task(run_relay(container.ab_test_relay, stop))
            tasks.create_task(run_relay(container.announcement_relay, stop))
            tasks.create_task(run_relay(container.digest_relay, stop))
        tasks.create_task(serve(settings, container, queues, stop))


async def serve(
    settings: Settings, services: Services, queues: Sequence[str], stop: asyncio.Event
) -> None:
    """Polls `queues` until `stop` is set, and returns when everything taken up has ended."""
    runtime = make_runtime()
    while not stop.is_set():
        try:
            client = await connect_worker(
                settings.temporal_address, settings.temporal_namespace, runtime=runtime
            )
            await ensure_search_attributes(client)
            if MAINTENANCE_QUEUE in queues:
                await ensure_schedules(client)
            await _run([make_worker(client, queue, services) for queue in queues], stop)
        except (Unavailable, RuntimeError) as error:
            log.warning("worker.temporal_unavailable", extra={"error": str(error)})
            await _rest(stop)


async def _run(workers: Sequence[Worker], stop: asyncio.Event) -> None:
    """Raises what a worker failed with, after the others have drained."""
    running = [asyncio.create_task(worker.run()) for worker in workers]
    stopping = asyncio.create_task(stop.wait())
    log.info("worker.started", extra={"queues": [worker.task_queue for worker in workers]})
    await asyncio.wait([*running, stopping], return_when=asyncio.FIRST_COMPLETED)
    stopping.cancel()
    await asyncio.gather(*(worker.shutdown() for worker in workers))
    await asyncio.gather(*running)
    log.info("worker.stopped")


async def _rest(stop: asyncio.Event) -> None:
    try:
        async with asyncio.timeout(TRY_AGAIN_AFTER):
            await stop.wait()
    except TimeoutError:
        return
