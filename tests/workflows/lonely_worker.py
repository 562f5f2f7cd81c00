"""A worker that takes up deliveries and never ends them: `lonely_worker ADDRESS NAMESPACE QUEUE`.

It says `delivering` when it has one, and is then killed.
"""

import asyncio
import sys

from temporalio.worker import Worker

from activities.delivery import DeliveryActivities
from domain.messages import DeliverInput, DeliverResult
from runtime.temporal import connect_worker


class Stuck:
    async def deliver(self, command: DeliverInput) -> DeliverResult:
        sys.stdout.write("delivering\n")
        sys.stdout.flush()
        await asyncio.Event().wait()
        raise AssertionError("never set")


async def main(address: str, namespace: str, queue: str) -> None:
    client = await connect_worker(address, namespace)
    await Worker(client, task_queue=queue, activities=[DeliveryActivities(Stuck()).deliver]).run()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
