"""Asks the service whether it does later what need not be done at once."""

import asyncio
import time
from collections.abc import AsyncIterator

from app.core.lifespan import State
from app.core.tasks.broker import Broker, BrokerDep
from app.core.tasks.contract import TaskState
from app.core.tasks.task import task
from tests.local_tasks import running_here
from tests.review.guards.serving import UNQUEUED
from tests.review.serving import Served

# For an answer that nothing holds up, and for a task that nothing keeps from running.
ANSWER_SECONDS, RUN_SECONDS = 2, 10
# What the task of a probe waits for.
GATES: list[asyncio.Event] = []


@task(name="review.wait_at_gate")
async def wait_at_gate(_state: State) -> None:
    """Take until somebody says that it's enough."""
    await GATES[-1].wait()


async def probe_tasks(served: Served) -> AsyncIterator[str]:
    """Enqueue a task that takes its time."""
    GATES.append(asyncio.Event())

    @served.app.post("/review/tasks")
    async def enqueue(broker: BrokerDep) -> str:
        return await broker.enqueue(wait_at_gate())

    asked = asyncio.ensure_future(served.client.post("/review/tasks"))
    in_time, _ = await asyncio.wait([asked], timeout=ANSWER_SECONDS)
    GATES[-1].set()
    response = await asked
    if not in_time:
        yield "a request waits for the task that it enqueues"
    elif not response.is_success:
        yield f"a request that enqueues a task ends with {response.status_code}"
    else:
        async with running_here(served.state["settings"], served.state):
            if not await has_run(served.state["broker"], response.json()):
                yield "a task that is enqueued is never run"


async def has_run(broker: Broker, task_id: str) -> bool:
    """Wait for a task that is known."""
    deadline = time.monotonic() + RUN_SECONDS
    while (status := await broker.status(task_id)) is not None and time.monotonic() < deadline:
        if status.state is TaskState.SUCCEEDED:
            return True
        await asyncio.sleep(0.01)
    return False


PROBES = {UNQUEUED: probe_tasks}
