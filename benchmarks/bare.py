"""The baseline for throughput: a workflow with one trivial activity, and its worker process.

Run as `python -m benchmarks.bare ADDRESS NAMESPACE` it is the worker, with the same options as
Herald's own; imported, it is the load.
"""

import asyncio
import sys
import time
from datetime import timedelta
from uuid import uuid4

from temporalio import activity, workflow
from temporalio.client import Client
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

QUEUE = "bench-bare"


@activity.defn
async def nothing(name: str) -> str:
    return name


@workflow.defn
class BareWorkflow:
    @workflow.run
    async def run(self, name: str) -> str:
        return await workflow.execute_activity(
            nothing, name, start_to_close_timeout=timedelta(seconds=30)
        )


async def workflows_per_second(address: str, namespace: str, count: int, at_once: int) -> float:
    """Starts `count` bare workflows, `at_once` in flight, and waits for all."""
    client = await Client.connect(address, namespace=namespace)
    gate = asyncio.Semaphore(at_once)
    run = uuid4().hex[:8]

    async def one(index: int) -> None:
        async with gate:
            await client.execute_workflow(
                BareWorkflow.run, str(index), id=f"bench-{run}-{index}", task_queue=QUEUE
            )

    start = time.perf_counter()
    await asyncio.gather(*(one(index) for index in range(count)))
    return count / (time.perf_counter() - start)


async def serve(address: str, namespace: str) -> None:
    client = await Client.connect(address, namespace=namespace)
    worker = Worker(
        client,
        task_queue=QUEUE,
        workflows=[BareWorkflow],
        activities=[nothing],
        workflow_runner=UnsandboxedWorkflowRunner(),
    )
    await worker.run()


if __name__ == "__main__":
    asyncio.run(serve(sys.argv[1], sys.argv[2]))
